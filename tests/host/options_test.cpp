// The command line of `./cv6 run`.
#include "run/options.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace cv6::host {
namespace {

std::variant<Options, Finished> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "cv6-run");
  return parse_options(static_cast<int>(words.size()), words.data());
}

Options parsed(std::vector<const char*> words) {
  auto result = parse(std::move(words));
  EXPECT_TRUE(std::holds_alternative<Options>(result));
  return std::holds_alternative<Options>(result) ? std::get<Options>(result) : Options{};
}

// The line on standard error, if the options are refused with status 2 as they should be.
std::string refusal(std::vector<const char*> words) {
  testing::internal::CaptureStderr();
  const auto result = parse(std::move(words));
  const std::string text = testing::internal::GetCapturedStderr();
  const auto* finished = std::get_if<Finished>(&result);
  return finished && finished->status == 2 ? text : "not refused: " + text;
}

TEST(Options, HaveDefaults) {
  const Options options = parsed({});
  EXPECT_EQ(options.machine, MachineType::microvm);
  EXPECT_EQ(options.memory, 128u << 20);
  EXPECT_GE(options.processors, 1u);
  EXPECT_LE(options.processors, 4u);
  EXPECT_TRUE(options.command.empty());
}

TEST(Options, CommandIsExactlyWhatFollowsTheDashes) {
  const Options options = parsed({"--cpus", "2", "--", "prog", "--cpus", "--", "", "a b"});
  EXPECT_EQ(options.command, (std::vector<std::string>{"prog", "--cpus", "--", "", "a b"}));
  EXPECT_EQ(options.processors, 2u);
}

TEST(Options, TakeOneWordEach) {
  const Options options = parsed({"--add", "/bin/sh", "--add", "/bin/cat:/x", "--append", "a b", "--append", "c"});
  ASSERT_EQ(options.additions.size(), 2u);
  EXPECT_EQ(options.append, "a b c");
}

TEST(Options, EmulateTheProcessorOnlyIfAsked) {
  EXPECT_EQ(parsed({}).processor, Processor::fastest);
  EXPECT_EQ(parsed({"--emulated"}).processor, Processor::emulated);
}

TEST(Options, PassAPluginOnWithItsArguments) {
  EXPECT_EQ(parsed({"--plugin", "/x/counter.so,log=/tmp/l"}).plugin, "/x/counter.so,log=/tmp/l");
  EXPECT_TRUE(parsed({}).plugin.empty());
}

TEST(Options, AddChoosesTheGuestsName) {
  const auto guest = [](const char* text) { return parsed({"--add", text}).additions.at(0).guest_path; };
  EXPECT_EQ(guest("/bin/sh"), "/sh");
  EXPECT_EQ(guest("/bin/sh:/opt/shell"), "/opt/shell");
  EXPECT_EQ(guest("/bin/sh:opt/shell"), "/opt/shell");
  EXPECT_EQ(guest("/bin/sh:/opt/"), "/opt/sh");
  EXPECT_EQ(guest("/etc/ssl"), "/ssl");
  EXPECT_EQ(guest("/etc/ssl/"), "/ssl");
  EXPECT_EQ(guest("/etc/ssl:/"), "/") << "a folder as the root: what is in it";
  EXPECT_EQ(guest("/bin/sh:/"), "/sh");
  EXPECT_EQ(guest("/etc/ssl:/etc/../opt"), "/opt");
}

TEST(Options, GetChoosesTheHostsName) {
  const auto host = [](const char* text) { return parsed({"--get", text}).fetches.at(0).host_path; };
  const std::string here = std::filesystem::current_path();
  EXPECT_EQ(std::filesystem::path(host("/tmp/result")).lexically_normal(), here + "/result");
  EXPECT_EQ(host("/tmp/result:/tmp"), "/tmp/result");
  EXPECT_EQ(host("/tmp/result/:/tmp/other-name"), "/tmp/other-name");
  EXPECT_NE(refusal({"--get", "/"}).find("names no file"), std::string::npos);
  EXPECT_NE(refusal({"--get", "/x:/no/such/folder"}).find("is not a folder"), std::string::npos);
}

TEST(Options, RefuseWhatCannotBe) {
  EXPECT_NE(refusal({"--memory", "8M"}).find("cv6: --memory 8M: too little"), std::string::npos);
  EXPECT_NE(refusal({"--memory", "9999G"}).find("more than this computer has"), std::string::npos);
  EXPECT_NE(refusal({"--memory", "lots"}).find("not a size"), std::string::npos);
  EXPECT_NE(refusal({"--cpus", "0"}).find("not a number of processors"), std::string::npos);
  EXPECT_NE(refusal({"--cpus", "9"}).find("not a number of processors"), std::string::npos);
  EXPECT_NE(refusal({"--cpus", "2x"}).find("not a number of processors"), std::string::npos);
  EXPECT_NE(refusal({"--machine", "pdp11"}).find("no such machine"), std::string::npos);
  EXPECT_NE(refusal({"--build", "fast"}).find("no such build"), std::string::npos);
  EXPECT_NE(refusal({"--icount=3"}).find("not a time of an instruction"), std::string::npos);
  EXPECT_NE(refusal({"--icount=2048"}).find("not a time of an instruction"), std::string::npos);
}

TEST(Options, RefuseUnknownWordsWithAUsageLine) {
  EXPECT_NE(refusal({"--fast"}).find("--fast"), std::string::npos);
  EXPECT_NE(refusal({"--fast"}).find("Usage: ./cv6 run"), std::string::npos);
  EXPECT_NE(refusal({"ls"}).find("a command goes after --"), std::string::npos);
  EXPECT_NE(refusal({"--"}).find("no command after --"), std::string::npos);
}

TEST(Options, SizesHaveUnits) {
  EXPECT_EQ(parse_size("64"), 64u << 20);
  EXPECT_EQ(parse_size("64M"), 64u << 20);
  EXPECT_EQ(parse_size("20480k"), 20u << 20);
  EXPECT_EQ(parse_size("2G"), 2ull << 30);
  for (const char* bad : {"", "M", "1T", "1MB", "-1", "99999999999999G", " 1"})
    EXPECT_EQ(parse_size(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace cv6::host
