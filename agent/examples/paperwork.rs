//! Writes the agent's manual pages and its completions for shells into a folder, for the packages.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use clap_complete::Shell;

const PROGRAM: &str = "lastgood-agent";

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).ok_or("name a folder")?;
    let (manual, completions) = (folder.join("man"), folder.join("completions"));
    fs::create_dir_all(&manual)?;
    fs::create_dir_all(&completions)?;
    let mut command = lastgood_agent::cli::command();
    clap_mangen::generate_to(command.clone(), &manual)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut command, PROGRAM, &completions)?;
    }
    Ok(())
}
