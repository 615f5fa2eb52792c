//! Logs of components: the end of one, following it, rotation.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// A log is set aside when it has grown to this.
const ROTATE_AT: u64 = 64 << 20;
/// Number of older logs that are kept.
const KEEP: u32 = 3;

/// Largest piece sent at once.
pub(crate) const CHUNK: usize = 64 << 10;

/// Copies a large log to `<log>.1` and truncates it. The component appends to the same file, so it needs no signal;
/// what it writes between the copy and the truncation, a few lines at worst, is lost.
pub(crate) fn rotate(log: &Path) -> io::Result<()> {
    rotate_at(log, ROTATE_AT)
}

fn rotate_at(log: &Path, limit: u64) -> io::Result<()> {
    match fs::metadata(log) {
        Ok(meta) if meta.len() >= limit => {}
        _ => return Ok(()),
    }
    let older = |n: u32| -> PathBuf { format!("{}.{n}", log.display()).into() };
    for n in (1..KEEP).rev() {
        if older(n).exists() {
            fs::rename(older(n), older(n + 1))?;
        }
    }
    fs::copy(log, older(1))?;
    File::options().write(true).open(log)?.set_len(0)
}

/// The last lines as text, for a message; bounded in size.
pub(crate) fn last_lines(log: &Path, lines: usize) -> String {
    let Ok(mut file) = File::open(log) else {
        return String::new();
    };
    let Ok(start) = tail_offset(&mut file, lines as u64) else {
        return String::new();
    };
    let mut text = Vec::new();
    let _ = file
        .seek(SeekFrom::Start(start))
        .and_then(|_| file.take(4096).read_to_end(&mut text));
    String::from_utf8_lossy(&text).trim_end().to_owned()
}

/// Where the last `lines` lines begin; the start of the file when there are fewer or none are asked for.
pub(crate) fn tail_offset(file: &mut File, lines: u64) -> io::Result<u64> {
    let length = file.metadata()?.len();
    if lines == 0 {
        return Ok(0);
    }
    let mut end = length;
    let mut left = lines;
    let mut buffer = vec![0; CHUNK];
    while end > 0 {
        let size = end.min(CHUNK as u64);
        let start = end - size;
        file.seek(SeekFrom::Start(start))?;
        let piece = &mut buffer[..usize::try_from(size).unwrap_or(CHUNK)];
        file.read_exact(piece)?;
        for (index, byte) in piece.iter().enumerate().rev() {
            let position = start + index as u64;
            // The newline that ends the file ends its last line.
            if *byte == b'\n' && position + 1 < length {
                left -= 1;
                if left == 0 {
                    return Ok(position + 1);
                }
            }
        }
        end = start;
    }
    Ok(0)
}

/// The piece at an offset; starts over when the log was truncated meanwhile.
pub(crate) fn read_from(log: &Path, offset: &mut u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(log)?;
    if file.metadata()?.len() < *offset {
        *offset = 0;
    }
    file.seek(SeekFrom::Start(*offset))?;
    let mut data = Vec::new();
    file.take(CHUNK as u64).read_to_end(&mut data)?;
    *offset += data.len() as u64;
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_log() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("x.log");
        let text: String = (0..30_000).map(|n| format!("line {n}\n")).collect();
        fs::write(&log, &text).unwrap();
        assert_eq!(last_lines(&log, 2), "line 29998\nline 29999");
        let mut file = File::open(&log).unwrap();
        for (lines, first) in [(1, 29_999), (20_000, 10_000), (30_000, 0), (99_999, 0), (0, 0)] {
            let offset = usize::try_from(tail_offset(&mut file, lines).unwrap()).unwrap();
            assert!(text[offset..].starts_with(&format!("line {first}\n")), "{lines}");
        }
        fs::write(&log, "").unwrap();
        assert_eq!(last_lines(&log, 2), "");
        fs::write(&log, "no newline").unwrap();
        assert_eq!(last_lines(&log, 2), "no newline");
    }

    #[test]
    fn rotation_keeps_a_few_and_reading_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("x.log");
        let mut offset = 0;
        for round in 0..5 {
            fs::write(&log, format!("round {round}")).unwrap();
            assert_eq!(
                read_from(&log, &mut offset).unwrap(),
                format!("round {round}").into_bytes()
            );
            rotate_at(&log, 1).unwrap();
            assert!(read_from(&log, &mut offset).unwrap().is_empty());
        }
        let kept = |n: u32| fs::read_to_string(dir.path().join(format!("x.log.{n}"))).ok();
        assert_eq!(kept(1).as_deref(), Some("round 4"));
        assert_eq!(kept(3).as_deref(), Some("round 2"));
        assert_eq!(kept(4), None);
    }
}
