// cv6-bench without guests: what it makes of a system's words, of the counter's log, and of figures.
#include <gtest/gtest.h>

#include <fstream>

#include "chart.hpp"
#include "common/files.hpp"
#include "counter_log.hpp"
#include "results.hpp"
#include "survey.hpp"
#include "table.hpp"

namespace cv6::bench {
namespace {

Reading value(std::uint64_t all, std::optional<std::uint64_t> kernel = std::nullopt) {
  return Value{.all = all, .kernel = kernel, .nanoseconds = std::nullopt};
}

Results with(std::string_view name, Reading on_linux, Reading on_cv6) {
  Results results;
  results.on_linux.emplace(name, std::move(on_linux));
  results.on_cv6.emplace(name, std::move(on_cv6));
  return results;
}

TEST(CounterLog, KeepsTheCheapestBatchOfEachMetric) {
  const auto batches = cheapest_batches("metric\nbatch 5 1\nonly_loop\nbatch 300 20\nbatch 290 21\nbatch 310 9\nmetric\nmetric\nbatch 7 0\n");
  ASSERT_EQ(batches.size(), 3u);
  ASSERT_TRUE(batches[0]);
  EXPECT_EQ(batches[0]->kernel, 290u);
  EXPECT_EQ(batches[0]->user, 21u);
  EXPECT_FALSE(batches[1]) << "it did not come to a batch";
  ASSERT_TRUE(batches[2]);
  EXPECT_EQ(batches[2]->kernel, 7u);
}

TEST(CounterLog, LeavesOutWhatIsNotALine) {
  EXPECT_TRUE(cheapest_batches("").empty());
  EXPECT_TRUE(cheapest_batches("batch 1 2\n").empty()) << "of no metric";
  const auto batches = cheapest_batches("metric\nbatch 9\nbatch x 1\nbatch 1 2x\nbatch 50 6");
  ASSERT_EQ(batches.size(), 1u);
  ASSERT_TRUE(batches[0]);
  EXPECT_EQ(batches[0]->kernel, 50u);
}

TEST(Targets, HalfIsOfTheKernelsInstructions) {
  const Metric& brk = *find_metric("brk");
  EXPECT_EQ(target_met(brk, with("brk", value(1000, 600), value(600, 300))), true) << "of all it is more than half";
  EXPECT_EQ(target_met(brk, with("brk", value(1000, 600), value(400, 301))), false) << "of all it is less than half";
  EXPECT_EQ(target_met(brk, with("brk", value(1000), value(500))), true) << "not counted alone: all";
  EXPECT_EQ(target_met(brk, with("brk", value(1000, 600), value(501))), false) << "not counted alone on both: all";
  EXPECT_EQ(target_met(brk, with("brk", value(1000, 600), failure("no"))), std::nullopt);
}

TEST(Targets, OwnLimitIsOfAllInstructions) {
  const Metric& call = *find_metric("null_call");
  ASSERT_EQ(call.at_most, 120u);
  EXPECT_EQ(target_met(call, with("null_call", value(330, 320), value(120, 110))), true);
  EXPECT_EQ(target_met(call, with("null_call", value(330, 320), value(121, 110))), false);
  EXPECT_EQ(target_met(call, with("null_call", failure("no"), value(120, 110))), true);
}

TEST(Targets, ProgramsOwnWorkMustNotBeSlower) {
  const Metric& gzip = *find_metric("gzip");
  EXPECT_EQ(target_met(gzip, with("gzip", value(1000, 90), value(1000, 80))), true);
  EXPECT_EQ(target_met(gzip, with("gzip", value(1000, 90), value(1001, 8))), false);
}

TEST(Targets, CopyingIsSubtractedOnBothSides) {
  const Metric& read = *find_metric("read_4k");
  ASSERT_EQ(read.moved, 4096u);
  const Results results = with("read_4k", value(1520, 1512), value(1020, 1012));
  EXPECT_DOUBLE_EQ(times_as_much(read, results, Part::kernel).value(), 2.0);
  EXPECT_EQ(target_met(read, results), true);
}

TEST(Targets, WhatNeverEntersTheKernelHasNoRatioThere) {
  const Metric& clock = *find_metric("clock_gettime");
  const Results results = with("clock_gettime", value(75, 0), value(42, 0));
  EXPECT_EQ(times_as_much(clock, results, Part::kernel), std::nullopt);
  EXPECT_EQ(target_met(clock, results), true);
}

TEST(Targets, MeanIsOfTheKernelToo) {
  Results results = with("brk", value(1000, 900), value(500, 100));
  results.on_linux.emplace("stat", value(400, 400));
  results.on_cv6.emplace("stat", value(300, 100));
  results.on_linux.emplace("gzip", value(10, 1));
  results.on_cv6.emplace("gzip", value(10, 1));
  EXPECT_DOUBLE_EQ(mean_times_as_much(results).value(), 6.0);
}

TEST(ResultsFile, HoldsWhatWasMeasured) {
  Results results = with("stat", value(2760, 2743), value(888, 871));
  results.on_cv6.at("stat")->nanoseconds = 900;
  results.on_linux.emplace("brk", failure("brk: Cannot allocate memory"));
  results.on_cv6.emplace("boot_to_user", value(1'715'898));
  results.versions = {.qemu = "7.2", .setting = "abc", .linux_package = "linux 6.1", .cv6 = "1234567"};
  const host::ScratchFolder folder = host::ScratchFolder::create().value();
  const auto file = folder.path() / "last.json";
  std::ofstream{file} << to_json(results);

  const std::optional<Results> back = load_results(file);
  ASSERT_TRUE(back);
  EXPECT_TRUE(back->versions.same_linux(results.versions));
  EXPECT_TRUE(back->versions.same_cv6(results.versions));
  EXPECT_EQ(value_of(*find_metric("stat"), back->on_linux, Part::all), 2760u);
  EXPECT_EQ(value_of(*find_metric("stat"), back->on_cv6, Part::kernel), 871u);
  EXPECT_EQ(value_of(*find_metric("stat"), back->on_cv6, Part::time), 900u);
  EXPECT_EQ(value_of(*find_metric("stat"), back->on_linux, Part::time), std::nullopt);
  EXPECT_EQ(value_of(*find_metric("boot_to_user"), back->on_cv6, Part::all), 1'715'898u);
  EXPECT_EQ(value_of(*find_metric("boot_to_user"), back->on_cv6, Part::kernel), std::nullopt);
  ASSERT_NE(reading_of(*find_metric("brk"), back->on_linux), nullptr);
  EXPECT_EQ(reading_of(*find_metric("brk"), back->on_linux)->error().text, "brk: Cannot allocate memory");
  EXPECT_EQ(to_json(*back), to_json(results));
}

TEST(ResultsFile, HoldsSeriesInTheirSizes) {
  Results results = with("among_files/10", value(4800, 4700), value(1600, 1570));
  results.on_cv6.emplace("among_files/10000", failure("setrlimit: Operation not permitted"));
  const host::ScratchFolder folder = host::ScratchFolder::create().value();
  const auto file = folder.path() / "last.json";
  std::ofstream{file} << to_json(results);

  const std::optional<Results> back = load_results(file);
  ASSERT_TRUE(back);
  EXPECT_EQ(to_json(*back), to_json(results));
  using Values = std::vector<std::optional<std::uint64_t>>;
  EXPECT_EQ(values_of(series("among_files"), back->on_cv6), (Values{{}, 1570, {}, {}, {}}));
  EXPECT_EQ(values_of(series("among_files"), back->on_linux), (Values{{}, 4700, {}, {}, {}}));
}

TEST(ResultsFile, OfAnotherKindIsNone) {
  const host::ScratchFolder folder = host::ScratchFolder::create().value();
  const auto file = folder.path() / "last.json";
  EXPECT_FALSE(load_results(file));
  for (const char* text : {"", "{}", "[1]", R"({"versions": {"qemu": 7}, "metrics": []})"}) {
    std::ofstream{file} << text;
    EXPECT_FALSE(load_results(file)) << text;
  }
}

TEST(Table, ShowsAllInstructionsAndTheKernelsAlone) {
  Results results = with("brk", value(9706, 9640), value(3653, 3587));
  results.on_linux.at("brk")->nanoseconds = 25'000;
  results.on_cv6.at("brk")->nanoseconds = 10'000;
  const std::string text = table(results);
  for (const char* part : {"9,706", "3,653", "9,640", "3,587", "2.6", "25,000", "10,000", "2.5", "ok"}) EXPECT_TRUE(text.contains(part)) << part;
  EXPECT_FALSE(text.contains("null_call")) << "not measured";
  EXPECT_TRUE(markdown(results).contains("| 9,706 | 3,653 | 2.6 | 9,640 | 3,587 | 2.6 | 2.5 |"));
  EXPECT_TRUE(chart(results).contains("</svg>"));
}

TEST(Table, RoundsRatiosDown) {
  const std::string text = table(with("brk", value(540, 534), value(280, 272)));
  EXPECT_TRUE(text.contains(" 1.9            -            -          missed")) << text;
}

TEST(Table, ShowsSeriesByTheirSizes) {
  Results results;
  for (unsigned size : numbers_of_processors) {
    results.on_linux.emplace(name_of(series("at_once_stat"), size), value(3000, 2700 + size));
    results.on_cv6.emplace(name_of(series("at_once_stat"), size), value(1000, 900 * size));
  }
  const std::string text = table(results);
  EXPECT_TRUE(text.contains("2,701       2,702       2,704       2,708   1.00")) << text;
  EXPECT_TRUE(text.contains("900       1,800       3,600       7,200   8.00")) << text;
  EXPECT_FALSE(text.contains("null_call"));
  EXPECT_FALSE(text.contains("among")) << "not measured";
  EXPECT_TRUE(markdown(results).contains("| stat of the same file | 2,701 | 2,702 | 2,704 | 2,708 | 900 | 1,800 | 3,600 | 7,200 |"));
}

TEST(Table, TellsWhatFailed) {
  const std::string text = table(with("brk", value(100, 90), failure("brk: no")));
  EXPECT_TRUE(text.contains("failed on cv6: brk: no\n  (brk)")) << text;
}

/// A system that prints what a test wants, and counts nothing or what the test wants.
class ScriptedSystem final : public System {
 public:
  std::vector<std::vector<std::string>> boots;  ///< the lines of each
  std::string counted;

  Outcome<> run_program(const Setup& setup, const std::vector<std::string>&, const LineReader& reader) override {
    const std::size_t log = setup.plugin.find("log=");
    if (log != std::string::npos) std::ofstream{setup.plugin.substr(log + 4)} << counted;
    if (boots.empty()) return failure("it did not boot");
    const auto lines = std::move(boots.front());
    boots.erase(boots.begin());
    for (const std::string& line : lines) reader(line);
    return {};
  }
  Outcome<> run_init(const std::string&, const LineReader&) override { return failure("not this"); }
  Outcome<bool> shell_works(unsigned megabytes) override { return megabytes >= 40; }
};

Readings survey(System& system, std::initializer_list<std::string_view> names) {
  std::vector<const Metric*> wanted;
  for (std::string_view name : names) wanted.push_back(find_metric(name));
  Progress progress;
  return Survey(system, "test", {}, "/counter.so", progress).measure(wanted).value();
}

TEST(Survey, PutsTheCountersFiguresBesideTheProgramsOwn) {
  ScriptedSystem system;
  system.boots = {{"noise", "null_call 107 2000", "stat failed: stat: no", "brk 3653 200", "done 3"}};
  system.counted = "metric\nbatch 202000 16010\nmetric\nmetric\nbatch 717400 20000\nbatch 717500 20000\n";
  const Readings readings = survey(system, {"brk", "null_call", "stat"});
  EXPECT_EQ(value_of(*find_metric("null_call"), readings, Part::all), 107u);
  EXPECT_EQ(value_of(*find_metric("null_call"), readings, Part::kernel), 101u);
  EXPECT_EQ(value_of(*find_metric("brk"), readings, Part::kernel), 3587u);
  EXPECT_EQ(reading_of(*find_metric("stat"), readings)->error().text, "stat: no");
}

TEST(Survey, BootsAgainForWhatCameAfterAnEnd) {
  ScriptedSystem system;
  system.boots = {{"null_call 107 2000", "stat"}, {"brk 3653 200"}};
  const Readings readings = survey(system, {"brk", "null_call", "stat"});
  EXPECT_EQ(value_of(*find_metric("brk"), readings, Part::all), 3653u);
  EXPECT_EQ(reading_of(*find_metric("stat"), readings)->error().text, "the system did not survive it");
}

TEST(Survey, TakesAllFiguresFromTheCounterWhereTimeIsReal) {
  ScriptedSystem system;
  system.boots = {{"at_once_stat/4 5149 16000"}};
  system.counted = "metric\nbatch 14608000 352000\n";
  Progress progress;
  const bench::Setup setup{.time = Time::real, .processors = 4};
  const Readings readings = Survey(system, "test", setup, "/counter.so", progress).measure({"at_once_stat/4"}).value();
  ASSERT_TRUE(readings.at("at_once_stat/4"));
  EXPECT_EQ(readings.at("at_once_stat/4")->kernel, 913u);
  EXPECT_EQ(readings.at("at_once_stat/4")->all, 935u);
}

TEST(Survey, FindsTheSmallestMemory) {
  ScriptedSystem system;
  const Readings readings = survey(system, {"smallest_memory"});
  EXPECT_EQ(value_of(*find_metric("smallest_memory"), readings, Part::all), 40u);
}

}  // namespace
}  // namespace cv6::bench
