// Why the machine ended, from the kernel's log.
#include "run/kernel_log.hpp"

#include <gtest/gtest.h>

namespace cv6::host {
namespace {

TEST(KernelLog, APanicIsToldWhole) {
  const LastWords words = last_words(
      "[    0.000526] cv6\r\n"
      "[    1.025428] sh[7]: no system call 971 (unknown)\r\n"
      "[   11.000001] PANIC: assertion failed: references != 0 (kernel/lib/ref.hpp:31)\r\n"
      "[   11.000004] processor 2, thread ffff900000401000\r\n"
      "[   11.000009]   ffffffff80102bb4 system_call_entry+44\r\n");
  EXPECT_EQ(words.reason, "assertion failed: references != 0 (kernel/lib/ref.hpp:31)");
  EXPECT_EQ(words.report,
            (std::vector<std::string>{"PANIC: assertion failed: references != 0 (kernel/lib/ref.hpp:31)",
                                      "processor 2, thread ffff900000401000", "  ffffffff80102bb4 system_call_entry+44"}));
}

TEST(KernelLog, AKernelThatCannotStartSaysWhyInItsLastLine) {
  const LastWords words = last_words("[    0.000526] cv6\n[    0.004000] the initramfs is damaged\n");
  EXPECT_EQ(words.reason, "the initramfs is damaged");
  EXPECT_TRUE(words.report.empty());
}

TEST(KernelLog, NothingIsNoReason) {
  EXPECT_EQ(last_words("").reason, "no reason given");
  EXPECT_EQ(last_words("SeaBIOS\n").reason, "no reason given");
}

TEST(KernelLog, AReportIsNotEndless) {
  std::string log = "[    1.000000] PANIC: oh\n";
  for (int i = 0; i < 1000; ++i) log += "[    1.000000] and so on\n";
  EXPECT_EQ(last_words(log).report.size(), 40U);
}

}  // namespace
}  // namespace cv6::host
