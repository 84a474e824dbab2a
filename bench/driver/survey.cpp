#include "survey.hpp"

#include <charconv>
#include <ranges>

#include "common/files.hpp"
#include "counter_log.hpp"

namespace cv6::bench {
namespace {

/// A line of programs/measure.
struct Measurement {
  std::string name;
  Reading reading;
  std::uint64_t operations = 0;  ///< in a batch
};

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), value);
  if (error != std::errc{} || end != text.end()) return std::nullopt;
  return value;
}

/// `text` to the first blank, and what follows it.
std::pair<std::string_view, std::string_view> first_word(std::string_view text) {
  const std::size_t blank = text.find(' ');
  if (blank == std::string_view::npos) return {text, {}};
  return {text.substr(0, blank), text.substr(blank + 1)};
}

/// `NAME VALUE [OPERATIONS]`, `NAME failed: REASON`, or only `NAME` when the output broke off.
Measurement measurement_in(std::string_view line) {
  const auto [name, rest] = first_word(line);
  const auto [value, operations] = first_word(rest);
  Measurement measured{.name = std::string{name}, .reading = failure("the system did not survive it")};
  constexpr std::string_view failed = "failed: ";
  if (const auto number = number_in(value)) {
    measured.reading = Value{.all = *number};
    measured.operations = number_in(operations).value_or(0);
  } else if (rest.starts_with(failed)) {
    measured.reading = failure("{}", rest.substr(failed.size()));
  }
  return measured;
}

/// What the counter saw, to what the program said; where time is real, instead of it. It begins a metric for each of the
/// program's lines.
void add_counts(std::vector<Measurement>& measured, std::string_view log, Time time) {
  const auto batches = cheapest_batches(log);
  for (std::size_t i = 0; i < std::min(measured.size(), batches.size()); ++i) {
    Measurement& one = measured[i];
    if (!one.reading || !batches[i] || one.operations == 0) continue;
    const auto each = [&](std::uint64_t sum) { return (sum + one.operations / 2) / one.operations; };
    one.reading->kernel = each(batches[i]->kernel);
    if (time == Time::real) one.reading->all = each(batches[i]->kernel + batches[i]->user);
  }
}

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
  return measure(std::move(inside));
}

Outcome<Readings> Survey::measure(std::vector<std::string> names) {
  CV6_CHECK(measure_inside(std::move(names)));
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
  const host::ScratchFolder folder = CV6_TRY(host::ScratchFolder::create());
  const std::filesystem::path log = folder.path() / "counted";
  if (!counter_.empty()) setup_.plugin = plugin_option(counter_, log);
  std::vector<Measurement> measured;
  const Outcome<> ran = system_.run_program(setup_, {"/bench/measure", "--only", joined(names)}, [&](std::string_view text) {
    Measurement one = measurement_in(text);
    if (!std::ranges::contains(names, one.name)) return Next::more;
    measured.push_back(std::move(one));
    progress_.show(name_, std::format("{}{}", setup_.time == Time::real ? "time of " : "", text));
    return Next::more;
  });
  if (const auto text = host::read_text(log)) add_counts(measured, *text, setup_.time);
  for (Measurement& one : measured) readings_.emplace(std::move(one.name), std::move(one.reading));
  return ran;
}

Reading Survey::first_instruction() {
  progress_.show(name_, "booting to the first instruction of user space");
  Reading reading = failure("it printed nothing");
  const Outcome<> ran = system_.run_init("/bench/first", [&](std::string_view text) {
    // The console may have something in front of it on the same line.
    const std::size_t start = text.find("boot_to_user ");
    if (start == std::string_view::npos) return Next::more;
    reading = measurement_in(text.substr(start)).reading;
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
  return Value{.all = enough};
}

}  // namespace cv6::bench
