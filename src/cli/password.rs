//! Reads a password: at a terminal without showing it, otherwise the first line of stdin.

use std::fmt::Display;
use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::report::console::Console;

/// ^C, which ends the question.
const INTERRUPT: u8 = 3;
/// ^D, which ends the input.
const END: u8 = 4;
/// What a terminal sends for the key that removes a character.
const REMOVE: [u8; 2] = [8, 127];

/// The settings of the terminal as they were. They are restored when this is dropped.
struct Silence(Termios);

impl Silence {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        // Each key arrives at once, also ^C: a process that it ended could not restore the terminal.
        silent.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}

/// Asks for a password. `None` if the person ends the question.
///
/// # Errors
/// When stdin cannot be read, or the password is not text.
pub fn ask(console: &Console, question: &dyn Display) -> io::Result<Option<Zeroizing<String>>> {
    if !io::stdin().is_terminal() {
        return read_line().map(Some);
    }
    console.print(&question.to_string());
    let typed = {
        let _silence = Silence::begin()?;
        read_keys()?
    };
    console.print("\n");
    let Some(bytes) = typed else { return Ok(None) };
    let text = str::from_utf8(&bytes).map_err(io::Error::other)?;
    Ok(Some(Zeroizing::new(text.to_owned())))
}

fn read_line() -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    io::stdin().lock().take(1 << 12).read_line(&mut line)?;
    let length = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(length);
    Ok(line)
}

fn read_keys() -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut typed = Zeroizing::new(Vec::new());
    for byte in io::stdin().lock().bytes() {
        match byte? {
            b'\n' | b'\r' | END => return Ok(Some(typed)),
            INTERRUPT => return Ok(None),
            byte if REMOVE.contains(&byte) => {
                // The bytes after the first of a character begin with the bits 10.
                while typed.pop().is_some_and(|removed| removed & 0xc0 == 0x80) {}
            }
            byte => typed.push(byte),
        }
    }
    Ok(Some(typed))
}
