//! The image of a container: there already, or pulled.

use bollard::Docker;
use bollard::query_parameters::CreateImageOptions;
use futures::StreamExt;
use mesolith_mesos::LaunchProblem;

use super::{is_missing, message};
use crate::state::NotLaunched;

/// Makes sure the image is here; the error names it.
pub(super) async fn prepare(docker: &Docker, image: &str, force: bool) -> Result<(), NotLaunched> {
    if !force {
        match docker.inspect_image(image).await {
            Ok(_) => return Ok(()),
            Err(e) if is_missing(&e) => {}
            Err(e) => return Err(format!("Failed to look up image '{image}': {}", message(&e)).into()),
        }
    }
    let options = CreateImageOptions {
        from_image: Some(with_tag(image)),
        ..Default::default()
    };
    let mut progress = docker.create_image(Some(options), None, None);
    // With `force` it is not known whether the image is here.
    let absent = if force { "" } else { "is not on this machine and " };
    while let Some(step) = progress.next().await {
        if let Err(e) = step {
            return Err(not_found(format!(
                "Image '{image}' {absent}could not be pulled: {}",
                message(&e)
            )));
        }
    }
    match docker.inspect_image(image).await {
        Ok(_) => Ok(()),
        Err(e) => Err(not_found(format!(
            "Image '{image}' could not be pulled: {}",
            message(&e)
        ))),
    }
}

fn not_found(message: String) -> NotLaunched {
    NotLaunched {
        problem: Some(LaunchProblem::ImageNotFound),
        message,
    }
}

/// The image with a tag: without one the engine would pull every tag.
fn with_tag(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    if image.contains('@') || last.contains(':') {
        image.to_owned()
    } else {
        format!("{image}:latest")
    }
}

#[cfg(test)]
mod tests {
    use super::with_tag;

    #[test]
    fn a_missing_tag_is_latest() {
        for (image, full) in [
            ("nginx", "nginx:latest"),
            ("nginx:1.21", "nginx:1.21"),
            ("host:5000/a/b", "host:5000/a/b:latest"),
            ("a@sha256:00", "a@sha256:00"),
        ] {
            assert_eq!(with_tag(image), full);
        }
    }
}
