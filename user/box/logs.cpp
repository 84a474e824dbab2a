// `box logs`: what containers have printed.
#include <cstdio>
#include <deque>
#include <memory>

#include "console_entries.hpp"
#include "containers.hpp"
#include "failure.hpp"
#include "time_text.hpp"
#include "words.hpp"

namespace cv6::box {
namespace {

constexpr std::size_t most_kept = 256 << 10;  // cv6/container.hpp

struct LogOptions {
  std::string container, since;
  bool follow = false, times = false;
  std::size_t tail = SIZE_MAX;
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

// What there is now, as far as a console keeps it: one that is printed on all the time never comes to an end.
std::deque<Entry> past_of(ConsoleReader& reader, std::uint64_t since) {
  std::deque<Entry> past;
  Entry entry;
  for (std::size_t size = 0; size < most_kept && reader.is_ready() && reader.next(entry); size += entry.text.size())
    if (entry.time >= since) past.push_back(entry);
  return past;
}

// The past and what follows come from one descriptor, so nothing is lost between them.
void logs(const LogOptions& options) {
  const ContainerStat stat = find(options.container);
  const std::uint64_t since = options.since.empty() ? 0 : parse_moment(options.since);
  Printer printer(options.times ? Printer::Times::yes : Printer::Times::no);
  const Descriptor console = open_console(stat.id, options.follow ? ContainerConsoleOpen::follow : 0);
  ConsoleReader reader(console);
  if (options.tail != SIZE_MAX) {
    std::deque<Entry> past = past_of(reader, since);
    if (options.tail == 0) past.clear();
    for (const Entry& one : last_lines(std::move(past), options.tail)) printer.print(one);
    if (!options.follow) return;
  }
  for (Entry entry; reader.next(entry);)
    if (entry.time >= since) printer.print(entry);
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

}  // namespace cv6::box
