// The shell.
//
//   line:      pipeline { (; | &) pipeline }         & does not wait
//   pipeline:  simple { | simple }
//   simple:    ( line ) or words; with < FILE, > FILE, >> FILE behind or between them
//
// A line is parsed into Commands (a process of its own runs it, so nothing is freed), and run. Programs are looked up in the
// working directory only. `>` keeps what is in the file behind what is written, as xv6 has no truncation.
#include "types.h"
#include "user.h"
#include "fcntl.h"
#include "param.h"

namespace {

[[noreturn]] void fail(const char* what, const char* about = "") {
  printf(2, "%s%s\n", what, about);
  exit();
}

int must_fork() {
  const int pid = fork();
  if (pid < 0) fail("fork failed");
  return pid;
}

// --- commands ---------------------------------------------------------------------------------------------------------

struct Redirection {
  char* file;
  int mode, fd;
  Redirection* next;
};

struct Command {
  enum Kind { words, group, pipe, sequence, background } kind = words;
  char* arguments[MAXARG] = {};
  int count = 0;
  Command *left = nullptr, *right = nullptr;  // group: left only; the others: right may be none
  Redirection* redirections = nullptr;        // words and group, in their order
};

Command* make(Command::Kind kind, Command* left = nullptr, Command* right = nullptr) {
  auto* command = static_cast<Command*>(malloc(sizeof(Command)));
  if (!command) fail("no memory");
  *command = {};
  command->kind = kind;
  command->left = left;
  command->right = right;
  return command;
}

// --- parsing ----------------------------------------------------------------------------------------------------------

class Parser {
 public:
  explicit Parser(char* line) : at_(line) {}
  // Null: the line is empty.
  Command* whole() {
    Command* command = line();
    if (next() != '\0') fail("syntax - leftovers: ", at_);
    return command;
  }

 private:
  static bool is_space(char c) { return c && strchr(" \t\r\n\v", c); }
  static bool is_symbol(char c) { return c && strchr("<|>&;()", c); }

  // The next character that means something, not taken.
  char next() {
    while (is_space(*at_)) ++at_;
    return *at_;
  }
  bool take(char symbol) {
    if (next() != symbol) return false;
    *at_++ = '\0';  // ends the word before it
    return true;
  }
  char* word() {
    const char first = next();
    if (!first || is_symbol(first)) fail("syntax - a word is missing");
    char* start = at_;
    while (*at_ && !is_space(*at_) && !is_symbol(*at_)) ++at_;
    if (is_space(*at_)) *at_++ = '\0';
    return start;
  }

  Command* line() {
    Command* left = pipeline();
    if (!left) return nullptr;
    if (take('&')) left = make(Command::background, left);
    else if (!take(';')) return left;
    Command* right = line();
    return right ? make(Command::sequence, left, right) : left;
  }
  Command* pipeline() {
    Command* left = simple();
    if (!left || !take('|')) return left;
    Command* right = pipeline();
    if (!right) fail("syntax - a command is missing behind |");
    return make(Command::pipe, left, right);
  }
  Command* simple() {
    Command* command;
    if (take('(')) {
      command = make(Command::group, line());
      if (!command->left) fail("syntax - nothing in ()");
      if (!take(')')) fail("syntax - missing )");
    } else {
      command = make(Command::words);
    }
    Redirection** last = &command->redirections;
    while (char symbol = next()) {
      if (symbol == '<' || symbol == '>') {
        *last = redirection(symbol);
        last = &(*last)->next;
      } else if (is_symbol(symbol) || command->kind == Command::group) {
        break;
      } else {
        if (command->count == MAXARG - 1) fail("too many args");
        command->arguments[command->count++] = word();
      }
    }
    return command->kind == Command::words && !command->count && !command->redirections ? nullptr : command;
  }
  Redirection* redirection(char symbol) {
    take(symbol);
    if (symbol == '>' && *at_ == '>') ++at_;
    auto* made = static_cast<Redirection*>(malloc(sizeof(Redirection)));
    if (!made) fail("no memory");
    *made = {word(), symbol == '<' ? O_RDONLY : O_WRONLY | O_CREATE, symbol == '<' ? 0 : 1, nullptr};
    return made;
  }

  char* at_;
};

// --- running ----------------------------------------------------------------------------------------------------------

[[noreturn]] void run(Command* command);

void redirect(const Redirection* redirection) {
  for (; redirection; redirection = redirection->next) {
    close(redirection->fd);
    if (open(redirection->file, redirection->mode) < 0) fail("open failed: ", redirection->file);
  }
}

// One end of a pipe becomes the descriptor `as`.
[[noreturn]] void run_at_end(Command* command, const int (&ends)[2], int as) {
  close(as);
  dup(ends[as]);
  close(ends[0]);
  close(ends[1]);
  run(command);
}

void run_pipe(Command* command) {
  int ends[2];
  if (pipe(ends) < 0) fail("pipe failed");
  if (must_fork() == 0) run_at_end(command->left, ends, 1);
  if (must_fork() == 0) run_at_end(command->right, ends, 0);
  close(ends[0]);
  close(ends[1]);
  wait();
  wait();
}

[[noreturn]] void run(Command* command) {
  redirect(command->redirections);
  switch (command->kind) {
    case Command::words:
      if (!command->count) break;
      exec(command->arguments[0], command->arguments);
      fail("exec failed: ", command->arguments[0]);
    case Command::group: run(command->left);
    case Command::pipe: run_pipe(command); break;
    case Command::sequence:
      if (must_fork() == 0) run(command->left);
      wait();
      run(command->right);
    case Command::background:
      if (must_fork() == 0) run(command->left);
      break;
  }
  exit();
}

// Where the shell is the first process, others' children are its own as well when these have ended.
void wait_for(int child) {
  for (int ended = 0; child > 0 && ended >= 0 && ended != child;) ended = wait();
}

// `cd` is the shell's own. True: it was that.
bool change_directory(char* line) {
  if (line[0] != 'c' || line[1] != 'd' || line[2] != ' ') return false;
  char* name = line + 3;
  if (char* end = strchr(name, '\n')) *end = '\0';
  if (chdir(name) < 0) printf(2, "cannot cd %s\n", name);
  return true;
}

}  // namespace

int main() {
  // Descriptors 0, 1 and 2 are there.
  for (int fd; (fd = open("console", O_RDWR)) >= 0;)
    if (fd >= 3) {
      close(fd);
      break;
    }
  static char line[512];
  while (true) {
    printf(2, "$ ");
    if (getline(0, line, sizeof line) == 0) exit();
    if (change_directory(line)) continue;
    const int child = fork();
    if (child < 0) printf(2, "fork failed\n");
    if (child == 0) {
      if (Command* command = Parser(line).whole()) run(command);
      exit();
    }
    wait_for(child);
  }
}
