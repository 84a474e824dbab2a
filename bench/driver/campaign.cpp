#include "campaign.hpp"

#include <cmath>
#include <print>

#include "cv6_system.hpp"
#include "host_clock.hpp"
#include "linux_system.hpp"
#include "survey.hpp"

namespace cv6::bench {
namespace {

/// Ten thousand processes need more than the other guests have.
constexpr unsigned megabytes_for_many = 2048;

/// Linux, or nothing, with a line that tells why, if there is none to be had.
Outcome<std::optional<LinuxSystem>> find_linux(const Ingredients& ingredients, Progress& progress) {
  const auto files = current_linux_package().and_then([&](const LinuxPackage& package) {
    progress.show("Linux", "fetching " + package.name);
    return linux_files(package, ingredients.kernel_folder);
  });
  if (interrupted()) return failure("interrupted");
  if (files) return LinuxSystem{*files, ingredients.programs};
  progress.clear();
  std::println(stderr, "cv6-bench: no Linux to compare with: {}", files.error().text);
  return std::nullopt;
}

/// The series of one kind, in these sizes.
std::vector<std::string> names_of(const std::vector<const Series*>& wanted, Along along, std::span<const unsigned> sizes) {
  std::vector<std::string> names;
  for (const Series* series : wanted) {
    if (series->along != along) continue;
    for (unsigned size : sizes) names.push_back(name_of(*series, size));
  }
  return names;
}

/// Keeps the shorter time.
void add_times(Readings& readings, const Readings& ticks) {
  for (const auto& [name, time] : ticks) {
    const auto found = readings.find(name);
    if (!time || found == readings.end() || !found->second) continue;
    const auto nanoseconds = static_cast<std::uint64_t>(std::llround(static_cast<double>(time->all) / counter_gigahertz()));
    std::optional<std::uint64_t>& known = found->second->nanoseconds;
    known = std::min(known.value_or(nanoseconds), nanoseconds);
  }
}

/// What Linux is still to be measured in. What it lacks is not asked.
Wanted needed_of_linux(Wanted wanted, LinuxSide linux_side, const Readings& known) {
  const auto drop = [&](auto& rows, const auto& is_known) {
    std::erase_if(rows, [&](const auto* row) {
      return row->beside == Beside::nothing || (linux_side != LinuxSide::always && is_known(*row));
    });
  };
  drop(wanted.metrics, [&](const Metric& metric) { return reading_of(metric, known) != nullptr; });
  drop(wanted.series, [&](const Series& series) {
    return std::ranges::all_of(sizes_of(series.along), [&](unsigned size) { return known.contains(name_of(series, size)); });
  });
  return wanted;
}

}  // namespace

Outcome<> Campaign::run(const Wanted& wanted, LinuxSide linux_side, Timing timing) {
  Cv6System cv6_system{ingredients_.project, ingredients_.programs};
  const Side cv6{.name = "cv6", .system = cv6_system, .readings = results_.on_cv6};
  std::optional<LinuxSystem> linux_system;
  if (linux_side != LinuxSide::never) linux_system = CV6_TRY(find_linux(ingredients_, progress_));
  if (!linux_system) return measure_alone(cv6, wanted);
  const Side linux{.name = "Linux", .system = *linux_system, .readings = results_.on_linux};
  CV6_CHECK(measure_alone(linux, needed_of_linux(wanted, linux_side, results_.on_linux)));
  CV6_CHECK(measure_alone(cv6, wanted));
  if (timing == Timing::measured) CV6_CHECK(measure_times(linux, cv6, wanted.metrics));
  progress_.clear();
  return {};
}

template <typename Rows>
Outcome<> Campaign::count(const Side& side, Setup setup, Rows wanted) {
  if (wanted.empty()) return {};
  Survey survey(side.system, side.name, std::move(setup), ingredients_.counter, progress_);
  Readings fresh = CV6_TRY(survey.measure(std::move(wanted)));
  fresh.merge(side.readings);
  side.readings = std::move(fresh);
  return {};
}

Outcome<> Campaign::measure_alone(const Side& side, const Wanted& wanted) {
  CV6_CHECK(count(side, {}, wanted.metrics));
  return measure_series(side, wanted.series);
}

/// Beside the instructions that are known. The systems take turns, since times that lie far apart say nothing about each
/// other: the computer may be busy.
Outcome<> Campaign::measure_times(const Side& linux, const Side& cv6, Metrics wanted) {
  constexpr int rounds = 2;
  std::erase_if(wanted, [](const Metric* metric) { return metric->timed == Timed::no; });
  if (wanted.empty()) return {};
  for (int round = 0; round < rounds; ++round) {
    for (const Side& side : {linux, cv6}) {
      Survey survey(side.system, side.name, {.time = Time::real}, {}, progress_);
      add_times(side.readings, CV6_TRY(survey.measure(wanted)));
    }
  }
  return {};
}

/// Several processors are counted in real time: with -icount QEMU 7.2 lets one that waits for another without saying so (the
/// `pause` instruction) starve that other, and Linux does not come up. Only the counter sees all of them.
Outcome<> Campaign::measure_series(const Side& side, const std::vector<const Series*>& wanted) {
  CV6_CHECK(count(side, {.megabytes = megabytes_for_many}, names_of(wanted, Along::others, numbers_of_others)));
  if (ingredients_.counter.empty()) return {};
  for (unsigned processors : numbers_of_processors) {
    CV6_CHECK(count(side, {.time = Time::real, .processors = processors},
                    names_of(wanted, Along::processors, {&processors, 1})));
  }
  return {};
}

}  // namespace cv6::bench
