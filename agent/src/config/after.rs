//! What a job does before and after its backup: the copy of a running database, what the backup must contain, and the sample
//! that is restored.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;

use super::build::Builder;
use super::file::{RawCompare, RawCopy, RawJob, RawTool};
use super::program::shows_password;
use super::{ExitCodes, Program, ProgramTool, RepositoryTool, Tool};
use crate::copy;
use crate::tools::program::can_list;

/// The sample that is restored after each run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Compare {
    files: usize,
    /// Where the scratch folder is made.
    pub(crate) scratch: PathBuf,
}

impl Compare {
    /// How many files are drawn.
    pub(crate) fn files(&self) -> usize {
        self.files
    }
}

/// The copy of a running database with which a run begins.
#[derive(Debug, Clone)]
pub(crate) struct CopyStep {
    /// The recipe.
    pub(crate) tool: Tool,
    /// Program and arguments.
    pub(crate) command: Vec<String>,
    /// The file or folder that holds the copy.
    pub(crate) writes: PathBuf,
    /// Names of files that belong to the copy, with at most one `*` each.
    pub(crate) expect: Vec<String>,
    /// The folders or files of the live database.
    pub(crate) live: Vec<PathBuf>,
    /// The name of the database server's process.
    pub(crate) process: Option<String>,
    /// Whether the recipe's own check is run.
    pub(crate) check: bool,
    /// A command that checks the copy.
    pub(crate) validate: Vec<String>,
    /// Where a second copy is made for a check that would change the first.
    pub(crate) scratch: Option<PathBuf>,
}

impl Builder<'_> {
    pub(super) fn compare(&mut self, raw: &RawJob, tool: &Tool) -> Option<Compare> {
        let given = raw.compare.as_ref()?;
        let RawCompare { files, scratch } = given.get_ref();
        self.only_restorable(&given.span(), "compare", tool);
        let number = files.as_ref().map_or(10, |files| *files.get_ref());
        let count = usize::try_from(number).ok().filter(|count| (1..=100).contains(count));
        if let Some(files) = files.as_ref().filter(|_| count.is_none()) {
            self.wrong(
                &files.span(),
                "files must be from 1 to 100",
                "10 are a good sample for each night",
            );
        }
        self.scratch(scratch, raw);
        Some(Compare {
            files: count?,
            scratch: scratch.get_ref().clone(),
        })
    }

    pub(super) fn must_contain(&mut self, raw: &RawJob, tool: &Tool) -> Vec<PathBuf> {
        let Some(given) = &raw.must_contain else {
            return Vec::new();
        };
        self.only_readable(&given.span(), "must_contain", tool);
        self.all_absolute(given, "a folder that must be in the backup");
        given.get_ref().clone()
    }

    pub(super) fn copy(&mut self, raw: &RawJob, tool: &Tool) -> Option<CopyStep> {
        let given = raw.copy.as_ref()?;
        let span = given.span();
        let copy = given.get_ref();
        self.only_readable(&span, "copy", tool);
        let command = copy.command.get_ref().clone();
        if command.first().is_none_or(String::is_empty) {
            self.wrong(
                &copy.command.span(),
                "the command is empty",
                "Write program and arguments",
            );
        }
        let recipe = copy.tool.as_ref().map_or(RawTool::Command, |tool| *tool.get_ref());
        let program = Program::of(recipe);
        if command.iter().skip(1).any(|argument| shows_password(program, argument)) {
            self.warn(
                &copy.command.span(),
                "a password on a command line can be read by every user of the machine",
                "Put it in a file and name that file, or hand it over by a variable of [job.environment]",
            );
        }
        self.check_paths(copy, raw);
        let check = copy.check.as_ref().is_some_and(|check| *check.get_ref());
        let tool = self.recipe(copy, recipe, command.clone(), check)?;
        Some(CopyStep {
            tool,
            command,
            writes: copy.writes.get_ref().clone(),
            expect: copy.expect.clone(),
            live: copy
                .live
                .as_ref()
                .map(|live| live.get_ref().clone())
                .unwrap_or_default(),
            process: copy.process.as_ref().map(|process| process.get_ref().clone()),
            check,
            validate: copy
                .validate
                .as_ref()
                .map(|validate| validate.get_ref().clone())
                .unwrap_or_default(),
            scratch: copy.scratch.as_ref().map(|scratch| scratch.get_ref().clone()),
        })
    }

    fn recipe(&mut self, copy: &RawCopy, recipe: RawTool, command: Vec<String>, check: bool) -> Option<Tool> {
        let tool = match (recipe, Program::of(recipe)) {
            (_, Some(program)) => Tool::Program(ProgramTool {
                program,
                command,
                writes: Some(copy.writes.get_ref().clone()),
                check,
            }),
            (RawTool::Command, None) => Tool::Command {
                command,
                codes: ExitCodes::default(),
            },
            (_, None) => {
                let span = copy.tool.as_ref().map_or(0..0, Spanned::span);
                self.wrong(
                    &span,
                    "restic and borg make backups, not copies of a running database",
                    "Write \"pg_dump\", \"mariadb-dump\", \"sqlite3\", \"sqlcmd\", \"dbbackup\" or \"command\"",
                );
                return None;
            }
        };
        if let Some(given) = copy.check.as_ref().filter(|_| check && !copy::can_check(&tool)) {
            self.wrong(
                &given.span(),
                format!("the agent knows no check of what {} makes", tool.name()),
                "Remove the line, or name a command that checks the copy: validate = [\"…\"]",
            );
        }
        Some(tool)
    }

    fn check_paths(&mut self, copy: &RawCopy, raw: &RawJob) {
        let writes = copy.writes.get_ref();
        if writes.is_relative() {
            self.wrong(
                &copy.writes.span(),
                "the copy is given without its full path",
                "Write it from the root on",
            );
        }
        if let Some(live) = &copy.live {
            self.all_absolute(live, "a folder of the live database");
            if live
                .get_ref()
                .iter()
                .any(|live| writes.starts_with(live) || live.starts_with(writes))
            {
                self.wrong(
                    &copy.writes.span(),
                    "the copy lies in a folder of the live database, or around it",
                    "Let the copy be written to a folder of its own",
                );
            }
        }
        let validate = copy
            .validate
            .as_ref()
            .map(|validate| (validate.get_ref(), validate.span()));
        if let Some((_, span)) = validate.filter(|(command, _)| {
            command.iter().any(|argument| argument.contains(copy::DUPLICATE)) && copy.scratch.is_none()
        }) {
            self.wrong(
                &span,
                "the check wants a second copy, and there is no folder for it",
                "Add scratch = \"/path\" with room for the copy",
            );
        }
        if let Some(scratch) = &copy.scratch {
            self.scratch(scratch, raw);
            if scratch.get_ref().starts_with(writes) || writes.starts_with(scratch.get_ref()) {
                self.wrong(
                    &scratch.span(),
                    "the scratch folder and the copy lie in one another",
                    "Name another folder",
                );
            }
        }
        let named = |name: &str| {
            !name.is_empty() && name.len() <= 64 && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
        };
        if let Some(process) = copy.process.as_ref().filter(|process| !named(process.get_ref())) {
            self.wrong(
                &process.span(),
                "a process's name is letters, digits, '_', '-' and '.'",
                "Write it as the task manager or ps shows it, such as \"dbsrv17\" or \"postgres\"",
            );
        }
    }

    /// Files are made and removed in it, so it must be nobody's folder.
    fn scratch(&mut self, given: &Spanned<PathBuf>, raw: &RawJob) {
        let scratch = given.get_ref();
        let paths = raw
            .paths
            .as_ref()
            .map(|paths| paths.get_ref().as_slice())
            .unwrap_or_default();
        let medium = raw.medium.as_ref().map(Spanned::get_ref);
        let repository = raw
            .repository
            .as_ref()
            .map(|repository| Path::new(repository.get_ref()));
        if scratch.is_relative() {
            self.wrong(
                &given.span(),
                "the scratch folder is given without its full path",
                "Write it from the root on",
            );
        } else if paths.iter().any(|path| scratch.starts_with(path)) {
            self.wrong(
                &given.span(),
                "the scratch folder lies in a folder that is backed up",
                "Name a folder of its own, such as \"/var/lib/lastgood/scratch\"",
            );
        } else if medium.is_some_and(|medium| scratch.starts_with(medium))
            || repository.is_some_and(|repository| scratch.starts_with(repository))
        {
            self.wrong(
                &given.span(),
                "the scratch folder lies where the backups are",
                "Name a folder elsewhere",
            );
        }
    }

    /// For what lists the backup.
    fn only_readable(&mut self, span: &Range<usize>, name: &str, tool: &Tool) {
        let is_listed = matches!(tool, Tool::Program(tool) if can_list(tool));
        if !is_listed && !has_json(tool) {
            self.wrong(
                span,
                format!(
                    "'{name}' needs a backup that can be read back: restic or borg, started by the agent or with --json, GNU tar with at most one --directory, or 7-Zip; these two with full paths"
                ),
                "Use it in a job of one of them",
            );
        }
    }

    /// For what restores from the backup.
    fn only_restorable(&mut self, span: &Range<usize>, name: &str, tool: &Tool) {
        if !has_json(tool) {
            self.wrong(
                span,
                format!(
                    "'{name}' needs a backup that can be restored from: restic or borg, started by the agent or with --json"
                ),
                "Use it in a job of one of them",
            );
        }
    }

    fn all_absolute(&mut self, given: &Spanned<Vec<PathBuf>>, what: &str) {
        if given.get_ref().iter().any(|path| path.is_relative()) {
            self.wrong(
                &given.span(),
                format!("{what} is given without its full path"),
                "Write it from the root on",
            );
        }
    }
}

/// Whether restic or borg says what it made.
fn has_json(tool: &Tool) -> bool {
    match tool {
        Tool::Restic(RepositoryTool { command, .. }) | Tool::Borg(RepositoryTool { command, .. }) => {
            command.is_empty() || command.iter().any(|argument| argument == "--json")
        }
        Tool::Program(_) | Tool::Command { .. } => false,
    }
}
