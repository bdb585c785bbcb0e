//! Who acts: the option `--by`.

use clap::Args;

use crate::app::process::actor;
use crate::catalogue::approval as texts;
use crate::model::actor::Actor;

/// The longest name, in characters.
const LONGEST: usize = 100;

/// The person who acts.
#[derive(Clone, Debug, Args)]
pub struct ByArgs {
    #[arg(help = texts::By.to_string())]
    #[arg(long, value_name = "NAME", value_parser = name)]
    by: Option<String>,
}

impl ByArgs {
    /// The name that was given.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.by.as_deref()
    }

    /// The person who runs this command.
    #[must_use]
    pub fn actor(&self) -> Actor {
        actor(self.by.as_deref())
    }
}

fn name(text: &str) -> Result<String, String> {
    let text = text.trim();
    let characters = text.chars().count();
    if characters == 0 {
        Err(texts::ByEmpty.to_string())
    } else if characters > LONGEST {
        let most = LONGEST as u64;
        Err(texts::ByLong { most }.to_string())
    } else if text.chars().any(char::is_control) {
        Err(texts::ByControl.to_string())
    } else {
        Ok(text.to_owned())
    }
}
