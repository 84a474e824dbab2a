// `box diff`: what a container has changed of its files.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <sstream>

#include "containers.hpp"
#include "descriptor.hpp"
#include "failure.hpp"
#include "table.hpp"
#include "text.hpp"
#include "words.hpp"

namespace cv6::box {
namespace {

struct DiffOptions {
  std::string container;
  Format format = Format::table;
};

std::string read_all(int file, const std::string& what) {
  std::string text;
  char buffer[16384];
  ssize_t count;
  while ((count = ::read(file, buffer, sizeof buffer)) > 0) text.append(buffer, static_cast<std::size_t>(count));
  if (count < 0) throw system_failure(what);
  return text;
}

const char* word_for(char kind) { return kind == 'A' ? "added" : kind == 'D' ? "removed" : "changed"; }

void diff(const DiffOptions& options) {
  const ContainerStat container = find(options.container);
  const Descriptor changes(open_container_changes(container.id));
  if (changes < 0) throw system_failure(options.container);
  std::istringstream text(read_all(changes, options.container));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  std::ranges::sort(lines, {}, [](const std::string& line) { return line.substr(2); });
  Table table({"KIND", "PATH"});
  for (const std::string& line : lines) {
    if (options.format == Format::table) std::puts(printable(line).c_str());
    table.add({word_for(line.front()), line.substr(2)});
  }
  if (options.format == Format::json) table.print(Format::json);
}

}  // namespace

void add_diff(CLI::App& box, int&) {
  auto options = std::make_shared<DiffOptions>();
  CLI::App& word = *box.add_subcommand("diff", "what a container has added (A), changed (C) and removed (D)");
  word.add_option("CONTAINER", options->container, "name or id")->required();
  add_format_option(word, options->format);
  word.callback([options] { diff(*options); });
}

}  // namespace cv6::box
