#include "cv6_system.hpp"

namespace cv6::bench {
namespace {

void append(std::vector<std::string>& command, const std::vector<std::string>& words) {
  command.insert(command.end(), words.begin(), words.end());
}

std::string reason(const Ending& ending) {
  if (ending.how == Ending::How::too_slow) return "it takes too long";
  const std::string line = last_line(ending.errors);
  return line.empty() ? std::format("exit status {}", ending.status) : line;
}

}  // namespace

std::vector<std::string> Cv6System::machine(const Setup& setup) const {
  std::vector<std::string> words{(project_ / "cv6").string(), "run", "--build", "release", "--machine", "microvm"};
  append(words, {setup.time == Time::instructions ? "--icount" : "--emulated", "--cpus", std::to_string(setup.processors),
                 "--memory", std::format("{}M", setup.megabytes)});
  if (!setup.plugin.empty()) append(words, {"--plugin", setup.plugin});
  return words;
}

Outcome<> Cv6System::run_program(const Setup& setup, const std::vector<std::string>& command, const LineReader& reader) {
  std::vector<std::string> words = machine(setup);
  for (std::string_view name : Programs::names) {
    append(words, {"--add", std::format("{}:/bench/{}", programs_.path(name).string(), name)});
  }
  words.push_back("--");
  append(words, command);
  bool silent = true;
  const Ending ending = CV6_TRY(run(words, run_limit, [&](std::string_view line) {
    silent = false;
    return reader(line);
  }));
  if (ending.how == Ending::How::exited && ending.status == 0) return {};
  // 1 is also a program's own way to say that something failed, and then its lines tell what.
  if (ending.how == Ending::How::exited && ending.status == 1 && !silent) return {};
  return failure("{}: {}", command[0], reason(ending));
}

Outcome<> Cv6System::run_init(const std::string& program, const LineReader& reader) {
  std::vector<std::string> words = machine({});
  const std::string host = programs_.path(std::filesystem::path{program}.filename().string()).string();
  append(words, {"--add", std::format("{}:{}", host, program), "--append", "init=" + program});
  const Ending ending = CV6_TRY(run(words, boot_limit, reader));
  if (ending.how == Ending::How::had_enough) return {};
  return failure("{} did not run: {}", program, reason(ending));
}

Outcome<bool> Cv6System::shell_works(unsigned megabytes) {
  std::vector<std::string> words = machine({.megabytes = megabytes});
  append(words, {"--", "echo ok"});
  bool works = false;
  CV6_CHECK(run(words, boot_limit, [&](std::string_view line) {
    works = works || line == "ok";
    return Next::more;
  }));
  return works;
}

}  // namespace cv6::bench
