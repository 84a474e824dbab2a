// `box ls`: which containers there are.
#include <cstdio>
#include <memory>

#include "containers.hpp"
#include "job.hpp"
#include "table.hpp"
#include "time_text.hpp"
#include "words.hpp"

namespace cv6::box {
namespace {

struct ListOptions {
  bool all = false;  // as it is in any case
  bool quiet = false;
  Format format = Format::table;
};

// "Up 5 seconds", "Exited (3) 2 minutes ago", "Created".
std::string status_of(const ContainerStat& stat) {
  const auto ago = [](std::uint64_t moment) { return span_text(now() > moment ? now() - moment : 0); };
  if (stat.starts == 0) return stat.processes ? "Joined" : "Created";
  if (stat.ended) return "Exited (" + std::to_string(exit_status_of(stat.status)) + ") " + ago(stat.ended) + " ago";
  return "Up " + ago(stat.started);
}

void list(const ListOptions& options) {
  const std::vector<ContainerStat> containers = all();
  if (options.quiet) {
    for (const ContainerStat& c : containers) std::printf("%d\n", c.id);
    return;
  }
  Table table({"ID", "NAME", "STATE", "STATUS", "PROCESSES", "MEMORY", "HOSTNAME"});
  for (const ContainerStat& c : containers)
    table.add({c.id, c.name, name_of(c.state), status_of(c), c.processes, Cell::size(c.memory), c.hostname});
  table.print(options.format);
}

}  // namespace

void add_ls(CLI::App& box, int&) {
  auto options = std::make_shared<ListOptions>();
  CLI::App& word = *box.add_subcommand("ls", "list the containers");
  word.alias("ps");
  word.add_flag("-a,--all", options->all, "those as well in which nothing runs (it does so anyhow)");
  word.add_flag("-q,--quiet", options->quiet, "ids only");
  add_format_option(word, options->format);
  word.callback([options] { list(*options); });
}

}  // namespace cv6::box
