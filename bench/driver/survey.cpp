#include "survey.hpp"

#include <charconv>
#include <ranges>

namespace cv6::bench {
namespace {

/// `NAME VALUE`, `NAME failed: REASON`, or only `NAME` when the output broke off.
struct MeasureLine {
  std::string_view name;
  std::string_view rest;

  explicit MeasureLine(std::string_view line) {
    const std::size_t blank = line.find(' ');
    name = line.substr(0, blank);
    if (blank != std::string_view::npos) rest = line.substr(blank + 1);
  }

  [[nodiscard]] Reading reading() const {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(rest.begin(), rest.end(), value);
    if (error == std::errc{} && end == rest.end()) return value;
    constexpr std::string_view failed = "failed: ";
    if (rest.starts_with(failed)) return failure("{}", rest.substr(failed.size()));
    return failure("the system did not survive it");
  }
};

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ",") + word;
  return text;
}

}  // namespace

Outcome<Readings> Survey::measure(std::span<const Metric* const> wanted) {
  std::vector<std::string> inside;
  for (const Metric* metric : wanted) {
    if (metric->measured == Measured::inside) {
      inside.emplace_back(metric->name);
    } else {
      const bool memory = metric->unit == Unit::megabytes;
      readings_.emplace(metric->name, memory ? smallest_memory() : first_instruction());
    }
    if (interrupted()) return failure("interrupted");
  }
  CV6_CHECK(measure_inside(std::move(inside)));
  return std::move(readings_);
}

/// Boots again for what is left as long as each boot brings something new.
Outcome<> Survey::measure_inside(std::vector<std::string> names) {
  while (!names.empty()) {
    const Outcome<> ran = run_measure(names);
    if (interrupted()) return failure("interrupted");
    const std::size_t before = names.size();
    std::erase_if(names, [&](const std::string& name) { return readings_.contains(name); });
    if (names.size() < before) continue;
    const Failure reason = ran ? Failure{"the program did not try it"} : ran.error();
    for (const std::string& name : names) readings_.emplace(name, std::unexpected{reason});
    break;
  }
  return {};
}

Outcome<> Survey::run_measure(const std::vector<std::string>& names) {
  progress_.show(name_, "booting");
  return system_.run_program({"/bench/measure", "--only", joined(names)}, [&](std::string_view text) {
    const MeasureLine line{text};
    if (!std::ranges::contains(names, line.name)) return Next::more;
    readings_.emplace(line.name, line.reading());
    progress_.show(name_, text);
    return Next::more;
  });
}

Reading Survey::first_instruction() {
  progress_.show(name_, "booting to the first instruction of user space");
  Reading reading = failure("it printed nothing");
  const Outcome<> ran = system_.run_init("/bench/first", [&](std::string_view text) {
    // The console may have something in front of it on the same line.
    const std::size_t start = text.find("boot_to_user ");
    if (start == std::string_view::npos) return Next::more;
    reading = MeasureLine{text.substr(start)}.reading();
    return Next::enough;
  });
  if (!ran) return std::unexpected{ran.error()};
  return reading;
}

/// By bisection: what works with so much memory works with more.
Reading Survey::smallest_memory() {
  unsigned too_little = 1;
  unsigned enough = guest_megabytes;
  if (!CV6_TRY(system_.shell_works(enough))) return failure("no working shell even with {} MB", enough);
  while (enough - too_little > 1) {
    const unsigned middle = (too_little + enough) / 2;
    progress_.show(name_, std::format("trying a shell in {} MB", middle));
    (CV6_TRY(system_.shell_works(middle)) ? enough : too_little) = middle;
  }
  return enough;
}

}  // namespace cv6::bench
