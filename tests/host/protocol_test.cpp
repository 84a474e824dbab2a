// What runner and init say to each other survives the way, and nonsense is refused.
#include "protocol/protocol.hpp"

#include <gtest/gtest.h>

namespace cv6::protocol {
namespace {

TEST(Protocol, JobComesBackAsItWas) {
  const Job job{.kind = JobKind::program,
                .terminal = "xterm",
                .words = {"a b", "", "\xff\x01\n", "$x"},
                .fetch = {"/tmp/a", "b"}};
  Job back;
  ASSERT_TRUE(decode(encode(job), back));
  EXPECT_EQ(back.kind, job.kind);
  EXPECT_EQ(back.terminal, job.terminal);
  EXPECT_EQ(back.words, job.words);
  EXPECT_EQ(back.fetch, job.fetch);
}

TEST(Protocol, EveryTruncatedJobIsRefused) {
  const std::string whole = encode(Job{.kind = JobKind::shell, .terminal = "x", .words = {"ls"}, .fetch = {"/f"}});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Job job;
    EXPECT_FALSE(decode(std::string_view(whole).substr(0, size), job)) << size;
  }
  Job job;
  EXPECT_FALSE(decode(whole + "x", job));
}

TEST(Protocol, AbsurdLengthsAreRefused) {
  std::string payload = encode(Job{});
  payload[4] = payload[5] = payload[6] = payload[7] = '\xff';  // the length of the terminal's name
  Job job;
  EXPECT_FALSE(decode(payload, job));
}

TEST(Protocol, FixedSizesMustMatch) {
  Ending ending{};
  EXPECT_TRUE(decode(encode(Ending{How::signalled, 9}), ending));
  EXPECT_EQ(ending.number, 9u);
  EXPECT_FALSE(decode("1234567", ending));
}

}  // namespace
}  // namespace cv6::protocol
