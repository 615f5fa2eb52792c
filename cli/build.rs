//! Puts the git commit into `--version` where the build says it (MESOLITH_GIT_COMMIT): builds of packages and images
//! know it, and a development build need not be rebuilt at every commit.

fn main() {
    println!("cargo::rerun-if-env-changed=MESOLITH_GIT_COMMIT");
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let commit = std::env::var("MESOLITH_GIT_COMMIT").unwrap_or_default();
    let text = if commit.is_empty() {
        version
    } else {
        format!("{version} ({commit})")
    };
    println!("cargo::rustc-env=MESOLITH_VERSION={text}");
}
