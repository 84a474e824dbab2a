// cv6-bench: `./cv6 bench`. Measures cv6 and Linux with the same programs on the same QEMU, prints one table, and keeps
// the results in bench/results/. docs/benchmarks.md says what is measured and how.
//
// Exit status: 0 if everything could be measured, 1 if not, 2 for a usage error, 130 when interrupted.
#include <fnmatch.h>

#include <CLI/CLI.hpp>
#include <print>

#include "campaign.hpp"
#include "chart.hpp"
#include "common/files.hpp"
#include "counter_log.hpp"
#include "linux_kernel.hpp"
#include "linux_system.hpp"
#include "table.hpp"

namespace cv6::bench {
namespace {

namespace fs = std::filesystem;

enum class Format { table, json };

struct Options {
  LinuxSide linux_side = LinuxSide::when_needed;
  Timing timing = Timing::measured;
  Format format = Format::table;
  std::vector<std::string> only;
  std::string svg;  ///< the file for a bar chart; empty: none
  bool readme = false;
};

/// The folder of the sources: `./cv6` tells it; otherwise the one that this was built from.
fs::path project_folder() {
  const char* told = std::getenv("CV6_ROOT");
  return told != nullptr ? told : CV6_PROJECT_FOLDER;
}

const fs::path project = project_folder();
const Programs programs{.folder = CV6_PROGRAMS_FOLDER};
const fs::path kernel_folder = CV6_KERNEL_FOLDER;

/// The plugin that counts the kernel's instructions alone; empty, with a line of explanation, if QEMU cannot use it.
fs::path usable_counter() {
  const fs::path counter = CV6_COUNTER;
  const Outcome<> usable = try_plugin(counter);
  if (usable) return counter;
  std::println(stderr, "cv6-bench: the kernel's instructions are not counted alone: {}", usable.error().text);
  return {};
}

/// A pattern is part of a name, or a shell pattern for the whole of it.
bool selected(std::string_view text, const std::vector<std::string>& patterns) {
  const std::string name{text};
  return patterns.empty() || std::ranges::any_of(patterns, [&](const std::string& pattern) {
           return name.contains(pattern) || ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
         });
}

template <typename Row>
std::vector<const Row*> rows_of(std::span<const Row> rows, const std::vector<std::string>& patterns) {
  std::vector<const Row*> wanted;
  for (const Row& row : rows) {
    if (selected(row.name, patterns)) wanted.push_back(&row);
  }
  return wanted;
}

Outcome<Wanted> select(const std::vector<std::string>& patterns) {
  Wanted wanted{.metrics = rows_of<Metric>(metrics, patterns), .series = rows_of<Series>(all_series, patterns)};
  if (!wanted.metrics.empty() || !wanted.series.empty()) return wanted;
  std::string names;
  for (const Metric& metric : metrics) names += std::format(" {}", metric.name);
  for (const Series& series : all_series) names += std::format(" {}", series.name);
  return failure("--only: no metric matches; there are{}", names);
}

/// Readings that stand: not those that failed, which deserve another try.
Readings successful(Readings readings) {
  std::erase_if(readings, [](const auto& entry) { return !entry.second; });
  return readings;
}

Outcome<Versions> current_versions(const fs::path& counter) {
  Versions versions;
  const std::string qemu = CV6_TRY(output_of({"qemu-system-x86_64", "--version"}));
  constexpr std::string_view prefix = "QEMU emulator version ";
  versions.qemu = qemu.substr(qemu.starts_with(prefix) ? prefix.size() : 0);
  versions.qemu.erase(std::min(versions.qemu.find('\n'), versions.qemu.size()));
  std::vector<fs::path> files;
  for (std::string_view name : Programs::names) files.push_back(programs.path(name));
  if (!counter.empty()) files.push_back(counter);
  versions.setting = CV6_TRY(fingerprint(files, LinuxSystem::options()));
  const auto revision = output_of({"git", "-C", project.string(), "describe", "--always", "--dirty"});
  versions.cv6 = revision ? last_line(*revision) : "unknown-dirty";
  return versions;
}

/// What is known from earlier runs and still holds.
Results known(const fs::path& file, Versions now) {
  Results results{.versions = std::move(now), .on_linux = {}, .on_cv6 = {}};
  std::optional<Results> kept = load_results(file);
  if (!kept) return results;
  if (kept->versions.same_linux(results.versions)) {
    results.on_linux = successful(std::move(kept->on_linux));
    if (results.versions.linux_package.empty()) results.versions.linux_package = kept->versions.linux_package;
  }
  if (kept->versions.same_cv6(results.versions)) results.on_cv6 = successful(std::move(kept->on_cv6));
  return results;
}

/// Times stand only beside those of the same run.
void forget_times(Results& results, const Metrics& metrics) {
  for (Readings* readings : {&results.on_linux, &results.on_cv6}) {
    for (const Metric* metric : metrics) {
      const auto found = readings->find(metric->name);
      if (found != readings->end() && found->second) found->second->nanoseconds.reset();
    }
  }
}

Outcome<> save(const fs::path& file, std::string_view text) {
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  const host::Descriptor output = CV6_TRY(host::create_file(file));
  if (!host::write_all(output.number(), text)) return host::system_failure(file.string());
  return {};
}

/// The README with the table between its two marks replaced.
Outcome<> update_readme(const fs::path& file, const Results& results) {
  constexpr std::string_view begin = "<!-- made by ./cv6 bench --readme -->\n", end = "<!-- end -->\n";
  std::string text = CV6_TRY(host::read_text(file));
  const std::size_t from = text.find(begin);
  const std::size_t to = text.find(end, from);
  if (from == std::string::npos || to == std::string::npos) return failure("{}: no place for the table", file.string());
  text.replace(from + begin.size(), to - from - begin.size(), "\n" + markdown(results) + "\n");
  return save(file, text);
}

/// Results with only the rows that were asked for.
Results only(Results results, const Wanted& wanted) {
  std::vector<std::string> names;
  for (const Metric* metric : wanted.metrics) names.emplace_back(metric->name);
  for (const Series* series : wanted.series) {
    for (unsigned size : sizes_of(series->along)) names.push_back(name_of(*series, size));
  }
  for (Readings* readings : {&results.on_linux, &results.on_cv6}) {
    std::erase_if(*readings, [&](const auto& entry) { return !std::ranges::contains(names, entry.first); });
  }
  return results;
}

Outcome<int> bench(const Options& options, const Wanted& wanted) {
  const fs::path counter = usable_counter();
  Versions versions = CV6_TRY(current_versions(counter));
  if (options.linux_side != LinuxSide::never) {
    if (const auto package = current_linux_package()) versions.linux_package = package->text();
  }
  const fs::path folder = project / "bench" / "results";
  Results results = known(folder / "last.json", std::move(versions));
  forget_times(results, wanted.metrics);
  Campaign campaign{{.project = project, .programs = programs, .kernel_folder = kernel_folder, .counter = counter}, results};
  CV6_CHECK(campaign.run(wanted, options.linux_side, options.timing));
  CV6_CHECK(save(folder / "last.json", to_json(results)));
  CV6_CHECK(save(folder / "last.txt", table(results)));
  if (options.readme) CV6_CHECK(update_readme(project / "README.md", results));
  if (!options.svg.empty()) CV6_CHECK(save(options.svg, chart(only(results, wanted))));
  const Results shown = only(std::move(results), wanted);
  std::print("{}", options.format == Format::json ? to_json(shown) : table(shown));
  const bool complete = std::ranges::all_of(wanted.metrics, [&](const Metric* metric) {
    const Reading* reading = reading_of(*metric, shown.on_cv6);
    return reading != nullptr && reading->has_value();
  });
  const bool no_failure = std::ranges::all_of(shown.on_cv6, [](const auto& entry) { return entry.second.has_value(); });
  return complete && no_failure ? 0 : 1;
}

int bad_usage(std::string_view reason) {
  std::println(stderr, "cv6-bench: {}\nUsage: ./cv6 bench [--only PATTERN]... [--json] [--svg FILE] [--readme] [--linux | --no-linux] [--no-time]", reason);
  return 2;
}

int run_bench(const Options& options) {
  const Outcome<Wanted> wanted = select(options.only);
  if (!wanted) return bad_usage(wanted.error().text);
  catch_interruptions();
  const Outcome<int> status = bench(options, *wanted);
  if (interrupted()) return 130;
  if (status) return *status;
  std::println(stderr, "cv6-bench: {}", status.error().text);
  return 1;
}

}  // namespace
}  // namespace cv6::bench

int main(int count, char** arguments) {
  using namespace cv6::bench;
  Options options;
  CLI::App app{"Measures cv6, and Linux beside it: guest instructions per operation, those of the kernel alone, and the time."};
  app.name("./cv6 bench");
  auto* only = app.add_option("--only", options.only, "only metrics with PATTERN in their name (or a shell pattern)")
                   ->type_name("PATTERN")
                   ->delimiter(',')
                   ->allow_extra_args(false);
  app.add_flag_callback("--json", [&] { options.format = Format::json; }, "print JSON instead of a table");
  app.add_option("--svg", options.svg, "write a bar chart to FILE as well")->type_name("FILE");
  app.add_flag("--readme", options.readme, "put the table into README.md, where its marks are")->excludes(only);
  app.add_flag_callback(
      "--no-time", [&] { options.timing = Timing::left_out; }, "instructions only: half of the work");
  auto* without_linux = app.add_flag_callback(
      "--no-linux", [&] { options.linux_side = LinuxSide::never; }, "do not measure Linux; show what is known of it");
  app.add_flag_callback(
         "--linux", [&] { options.linux_side = LinuxSide::always; }, "measure Linux again, even if nothing has changed")
      ->excludes(without_linux);
  try {
    app.parse(count, arguments);
  } catch (const CLI::ParseError& error) {
    return error.get_exit_code() == 0 ? app.exit(error) : bad_usage(error.what());
  }
  return run_bench(options);
}
