// The memory of containers as `box mem` shows it, against what the machine below says.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "support/console.hpp"
#include "support/files.hpp"
#include "support/monitor.hpp"

namespace cv6::test {
namespace {

using Bytes = std::vector<unsigned>;

class ContainerMemory : public FilesTest {};

// One page of a process: where it is for the process, and in the machine.
struct Page {
  std::string gva, hpa;
};

// From a line of `box mem`: PID GVA GPA HVA HPA ...
Page page_in(const std::string& line) {
  std::istringstream words(line);
  std::string pid, gpa, hva;
  Page page;
  words >> pid >> page.gva >> gpa >> hva >> page.hpa;
  return page;
}

// "000000000fbc7000: 0x7f 0x45 ...", line after line.
Bytes bytes_in_monitor(const std::string& answer) {
  Bytes bytes;
  std::istringstream lines(answer);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line.substr(std::min(line.size(), line.find(':') + 1)));
    for (std::string word; words >> word;) bytes.push_back(static_cast<unsigned>(std::stoul(word, nullptr, 16)));
  }
  return bytes;
}

// As `od -An -tx1` prints them.
Bytes bytes_in_dump(const std::string& text) {
  Bytes bytes;
  std::istringstream words(text);
  for (std::string word; words >> word;) bytes.push_back(static_cast<unsigned>(std::stoul(word, nullptr, 16)));
  return bytes;
}

// The last 256 bytes of a page, as the process has them. Lines that are longer than the terminal would be echoed in parts.
Bytes end_of_page(Guest& guest, const Page& page) {
  guest.command("at=$((" + page.gva + "/4096)); mem=/proc/$(pidof sleep)/mem");
  return bytes_in_dump(guest.command("dd if=$mem bs=4096 skip=$at count=1 2>&- | tail -c 256 | od -An -v -tx1"));
}

// What a process wrote to its memory lies in the machine where the fourth address says.
TEST_F(ContainerMemory, HpaIsWhereTheMachineHasIt) {
  const std::string socket = path("monitor");
  Guest guest({"--cpus", "1", "--monitor", socket});
  Monitor monitor(socket);
  guest.command("box run -d --name web -e MARK=cv6-was-here sleep 1000");
  // The strings of the environment are at the stack's end.
  const Page stack = page_in(guest.command("box mem web | grep '.stack' | tail -n 1"));
  ASSERT_TRUE(stack.hpa.starts_with("0x")) << stack.hpa;
  const Bytes seen = end_of_page(guest, stack);
  ASSERT_EQ(seen.size(), 256u);
  std::ostringstream command;
  command << "xp /256xb 0x" << std::hex << std::stoull(stack.hpa, nullptr, 16) + 4096 - 256;
  const std::string answer = monitor.command(command.str());
  EXPECT_EQ(bytes_in_monitor(answer), seen) << command.str() << '\n' << answer;
  const std::string text(seen.begin(), seen.end());
  EXPECT_NE(text.find("sleep"), std::string::npos);
}

// The walk of one address says the same as the table, and every stage of it.
TEST_F(ContainerMemory, OneAddressThroughEveryStage) {
  Guest guest({"--cpus", "1"});
  guest.command("box run -d --name web sleep 1000");
  const std::string line = guest.command("box mem web | grep '.heap' | head -n 1");
  const Page heap = page_in(line);
  const std::string walk = guest.command("box mem web " + heap.gva + " --pid 1");
  for (const char* part : {"process 1 of web", "GVA  ", "[heap]", "level 4: entry", "level 1: entry", "in the memory of web",
                           "in the kernel's direct map", "it is nobody else's"})
    EXPECT_NE(walk.find(part), std::string::npos) << part << "\n" << walk;
  EXPECT_NE(walk.find("HPA  " + heap.hpa), std::string::npos) << walk;
  EXPECT_NE(guest.command("box mem web " + heap.gva + " --format json").find("\"levels\": ["), std::string::npos);
}

TEST_F(ContainerMemory, WhatIsWrong) {
  const Completed done = run_shell(R"(
    box run -d --name web sleep 1000 > /dev/null
    try() { echo "> $*"; "$@" 2>&1 | tail -n 1; }
    try box mem nowhere
    try box mem web 0x10
    try box mem web nonsense
    try box mem web 0x400000 --pid 77
    try box mem web --log maybe
    try box run --memory lots true
    box rm -f web > /dev/null
  )");
  EXPECT_EQ(done.output, R"(> box mem nowhere
box: nowhere: no such container (`box ls` shows all)
> box mem web 0x10
box: mem: 0x10: nothing is mapped there (`box mem web` shows what is)
> box mem web nonsense
box: mem: nonsense: not an address (such as 0x7f0012345678)
> box mem web 0x400000 --pid 77
box: mem: process 77: not in web (`box mem web` shows its processes)
> box mem web --log maybe
box: --log: maybe not in {on,off} (see `box --help`)
> box run --memory lots true
box: --memory lots: a size such as 64m, or `unlimited` is wanted
)") << done.error;
}

TEST_F(ContainerMemory, SizesAreWrittenAsInDocker) {
  const Completed done = run_shell(R"(
    box run -d --name web sleep 1000 > /dev/null
    for size in 1048576 64m 8M 1.5g 512KiB 100mb 4096b; do
      box update --memory $size web > /dev/null
      box inspect web | grep -m 1 -A1 '"memory": {' | grep -o '[0-9][0-9]*'
    done
    for size in 64x 1.5 .m 1.2.3m 9999999t m ''; do box update --memory "$size" web; done 2>&1 | grep -c 'a size such as 64m'
    box rm -f web > /dev/null
  )");
  EXPECT_EQ(done.output, "1048576\n67108864\n8388608\n1610612736\n524288\n104857600\n4096\n7\n") << done.error;
}

// The terminal of who started it shows why it ended; the container says it, too.
TEST_F(ContainerMemory, ALimitIsSeenAndFelt) {
  const Completed done = run_shell(R"(
    box run --name small --memory 4m sh -c 'x=0123456789abcdef; while :; do x=$x$x; done' 2>&1
    echo "= $?"
    box mem small | tail -n 1 | grep -o '1 process was ended'
    box update --memory 64m small > /dev/null
    box exec small sh -c 'x=0123456789abcdef; i=0; while [ $i -lt 16 ]; do x=$x$x; i=$((i+1)); done; echo fits'
  )");
  EXPECT_EQ(done.output, "Out of memory in container with ID 0: process 1 (sh) killed\n= 137\n1 process was ended\nfits\n")
      << done.error;
}

}  // namespace
}  // namespace cv6::test
