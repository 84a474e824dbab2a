// `box logs`, `box attach`: what containers print.
#include <unistd.h>

#include <cstdio>
#include <deque>
#include <memory>
#include <sstream>

#include "containers.hpp"
#include "descriptor.hpp"
#include "failure.hpp"
#include "job.hpp"
#include "time_text.hpp"
#include "words.hpp"

namespace cv6::box {
namespace {

using Stream = ContainerConsoleEntry::Stream;

struct Entry {
  std::uint64_t time;
  Stream stream;
  std::string text;
};

// The entries of a container's console, one after the other.
class ConsoleReader {
 public:
  ConsoleReader(int container, std::uint32_t flags) : descriptor_(open_container_console({container, flags})) {
    if (descriptor_ < 0) throw system_failure("the console of container " + std::to_string(container));
  }

  // False: the end.
  bool next(Entry& entry) {
    if (at_ == end_ && !fill()) return false;
    ContainerConsoleEntry head;
    std::memcpy(&head, buffer_ + at_, sizeof head);
    at_ += sizeof head;
    entry = {head.time, head.stream, {}};
    if (head.stream == Stream::lost) {
      entry.text = "--- " + std::to_string(head.size) + " bytes lost ---\n";
      return true;
    }
    entry.text.assign(buffer_ + at_, head.size);
    at_ += (head.size + 7) / 8 * 8;
    return true;
  }

 private:
  bool fill() {
    ssize_t count;
    do count = ::read(descriptor_, buffer_, sizeof buffer_);
    while (count < 0 && errno == EINTR);
    if (count < 0) throw system_failure("the console");
    at_ = 0;
    end_ = static_cast<std::size_t>(count);
    return count != 0;
  }

  Descriptor descriptor_;
  char buffer_[2 * ContainerConsoleEntry::enough];
  std::size_t at_ = 0, end_ = 0;
};

struct LogOptions {
  std::string container, since;
  bool follow = false, times = false;
  std::size_t tail = SIZE_MAX;
};

// Prints entries as lines: what came on the error stream to standard error.
class Printer {
 public:
  explicit Printer(bool times) : times_(times) {}
  void print(const Entry& entry) {
    std::FILE* to = entry.stream == Stream::output ? stdout : stderr;
    if (!times_) {
      std::fwrite(entry.text.data(), 1, entry.text.size(), to);
    } else {
      std::istringstream lines(entry.text);
      for (std::string line; std::getline(lines, line);) {
        if (!in_line_) std::fprintf(to, "%s ", moment_text(entry.time).c_str());
        in_line_ = lines.eof() && entry.text.back() != '\n';
        std::fprintf(to, "%s%s", line.c_str(), in_line_ ? "" : "\n");
      }
    }
    std::fflush(to);
  }

 private:
  bool times_, in_line_ = false;
};

// The last `count` lines of them; an entry that has more than is wanted is cut.
std::deque<Entry> last_lines(std::deque<Entry> entries, std::size_t count) {
  std::size_t lines = 0;
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry)
    for (std::size_t at = entry->text.size(); at-- > 0;) {
      const bool last = entry == entries.rbegin() && at + 1 == entry->text.size();
      if (entry->text[at] != '\n' || last || ++lines < count) continue;
      entry->text.erase(0, at + 1);
      entries.erase(entries.begin(), entry.base() - 1);
      return entries;
    }
  return entries;
}

void logs(const LogOptions& options) {
  const ContainerStat stat = find(options.container);
  const std::uint64_t since = options.since.empty() ? 0 : parse_moment(options.since);
  Printer printer(options.times);
  Entry entry;
  if (options.tail != SIZE_MAX) {
    std::deque<Entry> past;
    ConsoleReader reader(stat.id, 0);
    while (reader.next(entry))
      if (entry.time >= since) past.push_back(entry);
    if (options.tail == 0) past.clear();
    for (const Entry& one : last_lines(std::move(past), options.tail)) printer.print(one);
    if (!options.follow) return;
  }
  const std::uint32_t from = options.tail != SIZE_MAX ? ContainerConsoleOpen::new_only : 0;
  ConsoleReader reader(stat.id, from | (options.follow ? ContainerConsoleOpen::follow : 0));
  while (reader.next(entry))
    if (entry.time >= since) printer.print(entry);
}

// What is printed from now on, until the container's programs have ended; signals are passed on to the first of them.
int attach(const std::string& name) {
  const ContainerStat stat = find(name);
  if (stat.first_process == 0) throw Failure(name + ": it is not running (`box start -a` starts it)");
  pass_signals_on_to(stat.first_process);
  ConsoleReader reader(stat.id, ContainerConsoleOpen::follow | ContainerConsoleOpen::new_only);
  Printer printer(false);
  for (Entry entry; reader.next(entry);) printer.print(entry);
  const int status = wait_container(stat.id);
  return status < 0 ? 0 : exit_status_of(status);
}

}  // namespace

void add_logs(CLI::App& box, int&) {
  auto options = std::make_shared<LogOptions>();
  CLI::App& word = *box.add_subcommand("logs", "what a container has printed");
  word.add_option("CONTAINER", options->container, "name or id")->required();
  word.add_flag("-f,--follow", options->follow, "go on until its programs have ended");
  word.add_flag("-t,--timestamps", options->times, "say when");
  word.add_option("--since", options->since, "nothing older: 10s, 5m, 2h, or 2026-11-22T12:00:00");
  word.add_option("-n,--tail", options->tail, "only so many of the lines that there are");
  word.callback([options] { logs(*options); });
}

void add_attach(CLI::App& box, int& status) {
  auto name = std::make_shared<std::string>();
  CLI::App& word = *box.add_subcommand("attach", "show what a detached container prints, and wait for its end");
  word.add_option("CONTAINER", *name, "name or id")->required();
  word.callback([name, &status] { status = attach(*name); });
}

}  // namespace cv6::box
