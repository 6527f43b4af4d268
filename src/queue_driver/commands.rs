//! What people ask for in comments: a line that begins with a slash. Pure.

use crate::change::CommitId;
use crate::queue::world::Command;

/// How many lines of a comment are looked at.
const MOST_LINES: usize = 200;
/// The longest reason of a freeze, in characters.
const LONGEST_REASON: usize = 200;

/// The commands of a comment, in their order. Quoted lines and code are not commands.
pub fn parse(body: &str) -> Vec<Command> {
    let mut commands = Vec::new();
    let mut fenced = false;
    for line in body.lines().take(MOST_LINES) {
        if line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~") {
            fenced = !fenced;
        }
        if fenced || !line.starts_with('/') {
            continue;
        }
        let (word, rest) = line.trim_end().split_once(char::is_whitespace).unwrap_or((line.trim_end(), ""));
        let rest = rest.trim();
        let command = match word {
            "/queue" => Command::Queue { head: CommitId::parse(rest) },
            "/dequeue" => Command::Dequeue,
            "/retry" => Command::Retry,
            "/try" => Command::Try,
            "/thaw" => Command::Thaw,
            "/freeze" => Command::Freeze(rest.chars().take(LONGEST_REASON).collect()),
            "/priority" => match rest.parse() {
                Ok(priority) => Command::Priority(priority),
                Err(_) => continue,
            },
            _ => continue,
        };
        commands.push(command);
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_stands_at_the_start_of_its_line() {
        assert_eq!(parse("Thanks!\r\n/queue\r\n"), [Command::Queue { head: None }]);
        assert_eq!(parse("/priority 5\n/retry"), [Command::Priority(5), Command::Retry]);
        assert_eq!(parse("/freeze the release is cut"), [Command::Freeze("the release is cut".into())]);
        assert_eq!(parse("> /queue\n ` /queue`\n```\n/queue\n```\n/queuex\n/priority high"), []);
    }
}
