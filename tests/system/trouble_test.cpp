// Bad input and bad ends: a clear line, and the rest goes on.
#include <csignal>
#include <filesystem>

#include "support/command.hpp"
#include "support/console.hpp"
#include "support/files.hpp"

namespace cv6::test {
namespace {

class Trouble : public FilesTest {};

TEST_F(Trouble, CorruptProgramsAreRefusedOneByOne) {
  const std::string head = host::read_text("/bin/busybox").value_or("").substr(0, 4096);
  Words options;
  std::string script;
  for (std::size_t i = 0; i < 20; ++i) {
    std::string bytes = head;
    for (std::size_t j = 16 + i; j < 400; j += 20) bytes[j] = static_cast<char>(bytes[j] ^ 0xff);
    options.insert(options.end(),
                   {"--add", make_file("elf" + std::to_string(i), bytes, 0755) + ":/bad/elf" + std::to_string(i)});
    script += "/bad/elf" + std::to_string(i) + " >/dev/null 2>&1; ";
  }
  options.insert(options.end(), {"--add", make_file("empty", "", 0755) + ":/bad/empty"});
  const Completed done = run_guest(options, {script + "/bad/empty; echo alive"});
  EXPECT_EQ(done.output, "alive\n") << done.error;
}

// For each, one line that says what is wrong, and what can be done about it.
TEST_F(Trouble, ProgramsThatCannotBeExecutedAreExplained) {
  const std::string busybox = host::read_text("/bin/busybox").value_or("");
  ASSERT_GT(busybox.size(), 4096u);
  std::string foreign = busybox.substr(0, 4096);
  foreign[18] = static_cast<char>(183);  // e_machine: AArch64
  const Words options = {"--add", make_file("foreign", foreign, 0755) + ":/bad/foreign",
                         "--add", make_file("empty", "", 0755) + ":/bad/empty",
                         "--add", make_file("cut", busybox.substr(0, 64), 0755) + ":/bad/cut",
                         "--add", make_file("plain", busybox, 0644) + ":/bad/plain",
                         "--add", make_file("script", "#!/none -x\n", 0755) + ":/bad/script",
                         "--add", make_file("ring", "#!/bad/ring\n", 0755) + ":/bad/ring",
                         "--add", "/bin/true:/bad/dynamic"};
  const auto expect = [&](const std::string& name, int status, const std::string& why) {
    const Completed done = run_guest(options, {"/bad/" + name});
    EXPECT_EQ(done.status, status) << name;
    EXPECT_EQ(done.error, "cv6: /bad/" + name + ": " + why + "\n");
  };
  expect("foreign", 126, "damaged, or not a program for 64-bit x86");
  expect("empty", 126, "the file is empty");
  expect("cut", 126, "damaged, or not a program for 64-bit x86");
  expect("plain", 126, "not executable (`chmod +x` makes it so)");
  expect("script", 127, "its interpreter /none is not in the guest");
  expect("ring", 126, "Too many levels of symbolic links");
  expect("dynamic", 127,
         "its interpreter /lib64/ld-linux-x86-64.so.2 is not in the guest "
         "(link it with -static, or --add that and its libraries)");
  expect(".", 126, "Is a directory");
  expect("none", 127, "not found in the guest (--add HOST:GUEST puts it there)");
}

// The status says it; what is on standard error is the command's alone.
TEST_F(Trouble, SignalThatEndedTheCommandAddsNothing) {
  const Completed done = run_shell("kill -SEGV $$");
  EXPECT_EQ(done.status, 128 + 11);
  EXPECT_EQ(done.error, "");
}

TEST_F(Trouble, TruncatedImageIsSaid) {
  const std::string whole = host::read_text(build_folder() + "/cv6.cpio").value_or("");
  ASSERT_FALSE(whole.empty());
  for (const std::size_t size : {std::size_t{0}, std::size_t{100}, std::size_t{5000}, whole.size() / 2}) {
    const std::string image = make_file("image", whole.substr(0, size));
    const Completed done = run_guest({"--image", image}, {"echo ran"});
    // Where /init came before the cut, it may run; otherwise one line says why nothing does.
    if (done.status == 125)
      EXPECT_TRUE(done.error.starts_with("cv6: the kernel gave up: ") && done.error.contains("initramfs"))
          << done.error;
    else
      EXPECT_EQ(done.output, "ran\n") << size << ": " << done.error;
  }
}

TEST_F(Trouble, TooLittleMemoryForTheImageIsSaid) {
  const std::string big = make_file("big", std::string(20 << 20, 'b'));
  const Completed done = run_guest({"--memory", "16M", "--add", big + ":/big"}, {"echo ran"});
  EXPECT_EQ(done.status, 1);
  EXPECT_TRUE(done.error.starts_with("cv6: --memory 16M: too little for the files of the guest")) << done.error;
}

TEST_F(Trouble, UnknownKernelArgumentIsLoggedAndIgnored) {
  const std::string log = path("log");
  const Completed done = run_guest({"--append", "no-such-argument=1", "--kernel-log", log}, {"echo alive"});
  EXPECT_EQ(done.output, "alive\n") << done.error;
  EXPECT_NE(text_of("log").find("no-such-argument"), std::string::npos) << text_of("log");
}

TEST_F(Trouble, KernelLogIsInItsFileAndInDmesg) {
  const Completed done = run_guest({"--kernel-log", path("log")}, {"dmesg | head -n 1"});
  EXPECT_EQ(done.status, 0) << done.error;
  EXPECT_GT(done.output.size(), 1u);
  EXPECT_GT(text_of("log").size(), 1u);
}

TEST_F(Trouble, MissingFirstProgramIsSaid) {
  const Completed done = run_guest({"--append", "init=/none", "--kernel-log", path("log")}, {"true"});
  EXPECT_EQ(done.status, 125);
  EXPECT_TRUE(done.error.starts_with("cv6: the kernel gave up: the first process, /none, cannot be started: "))
      << done.error;
}

// A command ends while everything on the way of its output is full; the reader goes on when the machine is gone. `tee`
// has written at most a few blocks to the file that it has not written to the port.
TEST_F(Trouble, ReaderThatStopsLosesNothing) {
  constexpr std::size_t blocks = 8192;
  const std::string reader =
      "mkfifo \"$0\" && \"$@\" >\"$0\" & runner=$!; until [ -p \"$0\" ]; do :; done; exec 3<\"$0\"; head -c 1 <&3\n"
      "tail --pid=\"$(pgrep -P $runner qemu-system)\" -s 0.1 -f /dev/null; cat <&3";
  Words command = {"sh", "-c", reader, path("fifo")};
  const Words run = runner({"--get", "/tmp/copy:" + path("copy"), "--", "seq 1000000 | timeout 2 tee /tmp/copy"});
  command.insert(command.end(), run.begin(), run.end());
  const Completed done = run_program(command);
  const std::string copy = text_of("copy");
  EXPECT_GT(copy.size(), std::size_t{100'000}) << done.error;
  EXPECT_EQ(done.output, copy.substr(0, done.output.size()));
  EXPECT_GE(done.output.size() + blocks, copy.size());
}

TEST_F(Trouble, MachineThatIsSwitchedOffEarlyIsSaid) {
  const std::string init = make_file("init", "#!/bin/busybox sh\n/bin/busybox poweroff -f\n", 0755);
  const Completed done = run_guest({"--add", init + ":/init"}, {"true"});
  EXPECT_EQ(done.status, 125);
  EXPECT_EQ(done.error, "cv6: the machine was switched off before the command ended\n");
}

TEST_F(Trouble, QemuKilledUnderTheConsoleLeavesTheTerminalClean) {
  Guest guest;
  const Completed killed = run_program({"pkill", "-KILL", "-P", std::to_string(guest.process()), "qemu-system"});
  ASSERT_EQ(killed.status, 0);
  EXPECT_EQ(guest.wait_end(), 125);
  EXPECT_NE(guest.rest().find("cv6: QEMU was ended by signal 9"), std::string::npos) << guest.rest();
  EXPECT_TRUE(guest.settings().c_lflag & ECHO);
}

TEST_F(Trouble, DebuggerStopsAtTheFirstLine) {
  Console gdb({source_folder() + "/cv6", "debug"});
  gdb.wait_for("kmain", std::chrono::seconds(300));
  gdb.wait_for("(gdb) ");
  gdb.type("info registers rip\r");
  gdb.wait_for("rip");
  gdb.wait_for("(gdb) ");
  gdb.type("kill\r");
  gdb.wait_for("(gdb) ");
  gdb.type("quit\r");
  EXPECT_EQ(gdb.wait_end(), 0) << gdb.rest();
}

}  // namespace
}  // namespace cv6::test
