#include "linux_system.hpp"

#include <fcntl.h>

#include <cmath>

#include "host_clock.hpp"
#include "image/archive_writer.hpp"

namespace cv6::bench {
namespace {

namespace fs = std::filesystem;

constexpr const char* busybox = "/bin/busybox";  // where Debian's busybox-static has it

/// What the script /init prints before and after the program's own lines; the second with the exit status.
constexpr std::string_view begin_mark = "@begin";
constexpr std::string_view end_mark = "@end ";

/// The machine. Without ACPI Linux boots in the fewest instructions, and it calibrates its clock by the PIT; without
/// ERMS it copies in words rather than in single bytes, each of which would count as an instruction.
constexpr auto machine_options = std::to_array<std::string_view>(
    {"qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot", "-cpu", "max,-erms,-pku,-la57", "-display", "none",
     "-serial", "stdio", "-machine"});
constexpr std::string_view one_processor = "microvm,acpi=off,pit=on,pic=on,rtc=on";
constexpr std::string_view several_processors = "microvm,acpi=on,pit=on,pic=on,rtc=on";  // of which only ACPI tells

/// A nanosecond for each instruction, and the same date in every run.
constexpr auto instruction_time = std::to_array<std::string_view>(
    {"-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off", "-seed", "1", "-rtc", "base=2026-01-01,clock=vm"});

/// Without its own words for it, Linux cannot tell how fast the time-stamp counter is in an emulated machine whose time is
/// real, and would work by a clock of 4 ms.
std::string real_clock() {
  return std::format(" tsc=reliable tsc_early_khz={}", std::llround(counter_gigahertz() * 1e6));
}

/// Kernel options, each to spare Linux work that cv6 does not do either: no mitigations, no messages, no audit, no
/// security modules, no zeroing of all memory that it allocates for itself, no self-tests of its cryptography.
/// `reboot=t` ends by a triple fault, which QEMU leaves by -no-reboot; so does a panic.
constexpr std::string_view kernel_options =
    "console=ttyS0 loglevel=0 mitigations=off audit=0 lsm= init_on_alloc=0 cryptomgr.notests reboot=t panic=-1";

std::string shell_quoted(std::string_view word) {
  std::string text = "'";
  for (char letter : word) {
    if (letter == '\'') {
      text += "'\\''";
    } else {
      text += letter;
    }
  }
  return text + "'";
}

/// The end of every init: `command` runs, the machine stops.
std::string script(const std::vector<std::string>& command) {
  std::string text = std::format("echo {}\n", begin_mark);
  for (const std::string& word : command) text += shell_quoted(word) + " ";
  text += std::format("\necho {}$?\nbusybox reboot -f\n", end_mark);
  return text;
}

/// An /init that leaves the archive's file system for one of which a container can have a view: neither pivot_root(2)
/// nor overlayfs works with the first. What it runs then, /start, makes ready what containers need. Room for files
/// is not what is measured, so there is as much of it as fits.
constexpr std::string_view move_to_root = R"(#!/bin/sh
busybox mount -t tmpfs -o size=90%,nr_inodes=0 root /mnt
busybox cp -a /bin /bench /lib /lib64 /start /dev /proc /tmp /sys /overlay.ko /mnt
exec busybox switch_root /mnt /start
)";
constexpr std::string_view prepare = R"(#!/bin/sh
busybox mount -t devtmpfs dev /dev
busybox mount -t proc proc /proc
)";
constexpr std::string_view prepare_containers = R"(
busybox mount -t tmpfs -o size=90%,nr_inodes=0 tmp /tmp
busybox mount -t sysfs sys /sys
busybox mount -t cgroup2 groups /sys/fs/cgroup
echo +pids +memory +cpu > /sys/fs/cgroup/cgroup.subtree_control
busybox insmod /overlay.ko
busybox mkdir -p /bench/bundle/rootfs/bench /run
busybox cp /bench/small /bench/bundle/rootfs/bench/small
cd /bench/bundle
crun spec
busybox sed -i -e 's/"terminal": true/"terminal": false/' -e 's,"sh","/bench/small",' config.json
cd /
)";

/// Passes on the lines between the marks.
class MarkedLines {
 public:
  explicit MarkedLines(const LineReader& reader) : reader_(reader) {}

  Next operator()(std::string_view line) {
    if (line == begin_mark) {
      begun_ = true;
      return Next::more;
    }
    if (line.starts_with(end_mark)) {
      ended_ = true;
      return Next::enough;
    }
    return begun_ ? reader_(line) : Next::more;
  }

  [[nodiscard]] bool begun() const { return begun_; }
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  const LineReader& reader_;
  bool begun_ = false;
  bool ended_ = false;
};

constexpr host::Attributes executable{.permissions = 0755};

/// A script of the root, written down in `folder` first.
Outcome<> add_text(host::ArchiveWriter& archive, const fs::path& folder, std::string_view name, std::string_view text) {
  const fs::path source = folder / name;
  const host::Descriptor output = CV6_TRY(host::create_file(source));
  if (!host::write_all(output.number(), text)) return host::system_failure(source.string());
  return archive.file(std::format("/{}", name), source, executable);
}

/// overlayfs, crun, and the libraries by the names that programs ask for (libNAME.so.NUMBER).
Outcome<> add_containers(host::ArchiveWriter& archive, const LinuxFiles& files) {
  CV6_CHECK(archive.file("/overlay.ko", files.overlay, executable));
  CV6_CHECK(archive.file("/bin/crun", files.runtime / "usr/bin/crun", executable));
  CV6_CHECK(archive.file("/lib64/ld-linux-x86-64.so.2", files.runtime / "lib64/ld-linux-x86-64.so.2", executable));
  for (const char* folder : {"lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"}) {
    for (const auto& entry : fs::directory_iterator{files.runtime / folder}) {
      const std::string name = entry.path().filename().string();
      const std::size_t number = name.rfind(".so.");
      if (number == std::string::npos || name.find('.', number + 4) != std::string::npos) continue;
      CV6_CHECK(archive.file("/lib/x86_64-linux-gnu/" + name, fs::canonical(entry.path()), executable));
    }
  }
  return {};
}

}  // namespace

Outcome<LinuxSystem::Root> LinuxSystem::make_root(std::string_view init, Contents contents) const {
  Root root{.folder = CV6_TRY(host::ScratchFolder::create()), .archive = {}};
  root.archive = root.folder.path() / "root.cpio";
  const host::Descriptor output = CV6_TRY(host::create_file(root.archive));

  constexpr host::Attributes folder{.permissions = 0755};
  host::ArchiveWriter archive{output.number(), root.archive.string(), 0};
  for (const char* path : {"/dev", "/proc", "/tmp", "/sys", "/mnt"}) CV6_CHECK(archive.folder(path, folder));
  CV6_CHECK(archive.file("/bin/busybox", busybox, executable));
  CV6_CHECK(archive.symbolic_link("/bin/sh", "busybox", executable));
  for (std::string_view name : Programs::names) {
    CV6_CHECK(archive.file(std::format("/bench/{}", name), programs_.path(name), executable));
  }
  if (contents == Contents::with_containers) {
    CV6_CHECK(add_containers(archive, files_));
    CV6_CHECK(add_text(archive, root.folder.path(), "init", move_to_root));
    CV6_CHECK(add_text(archive, root.folder.path(), "start", std::format("{}{}{}", prepare, prepare_containers, init)));
  } else {
    CV6_CHECK(add_text(archive, root.folder.path(), "init", std::format("{}{}", prepare, init)));
  }
  CV6_CHECK(archive.finish());
  return root;
}

std::vector<std::string> LinuxSystem::machine(const Setup& setup, const Root& root, std::string_view init) const {
  std::vector<std::string> words{machine_options.begin(), machine_options.end()};
  words.emplace_back(setup.processors == 1 ? one_processor : several_processors);
  if (setup.time == Time::instructions) {
    words.insert(words.end(), instruction_time.begin(), instruction_time.end());
  } else {
    words.insert(words.end(), {"-accel", setup.plugin.empty() ? "tcg,thread=multi" : "tcg,thread=single"});
  }
  words.insert(words.end(), {"-smp", std::to_string(setup.processors), "-m", std::format("{}M", setup.megabytes), "-kernel",
                             files_.kernel.string(), "-initrd", root.archive.string(), "-append",
                             std::format("{}{} rdinit={}", kernel_options,
                                         setup.time == Time::real ? real_clock() : "", init)});
  if (!setup.plugin.empty()) words.insert(words.end(), {"-plugin", setup.plugin});
  return words;
}

std::string LinuxSystem::options() {
  std::string text;
  for (std::string_view word : machine_options) text.append(word).push_back(' ');
  for (std::string_view word : instruction_time) text.append(word).push_back(' ');
  return text.append(one_processor).append(several_processors).append(kernel_options).append(move_to_root).append(prepare_containers);
}

Outcome<> LinuxSystem::run_program(const Setup& setup, const std::vector<std::string>& command, const LineReader& reader) {
  const Root root = CV6_TRY(make_root(script(command), Contents::with_containers));
  MarkedLines lines{reader};
  const Ending ending = CV6_TRY(run(machine(setup, root, "/init"), run_limit, std::ref(lines)));
  if (lines.ended()) return {};
  if (lines.begun()) return failure("{} did not come to its end", command[0]);
  return failure("it did not boot: {}", last_line(ending.errors));
}

Outcome<> LinuxSystem::run_init(const std::string& program, const LineReader& reader) {
  const Root root = CV6_TRY(make_root("", Contents::programs));
  const Ending ending = CV6_TRY(run(machine({}, root, program), boot_limit, reader));
  if (ending.how == Ending::How::had_enough) return {};
  return failure("{} did not run: {}", program, last_line(ending.errors));
}

Outcome<bool> LinuxSystem::shell_works(unsigned megabytes) {
  const Root root = CV6_TRY(make_root(script({"sh", "-c", "echo ok"}), Contents::programs));
  bool works = false;
  const LineReader reader = [&](std::string_view line) {
    works = works || line == "ok";
    return Next::more;
  };
  CV6_CHECK(run(machine({.megabytes = megabytes}, root, "/init"), boot_limit, MarkedLines{reader}));
  return works;
}

}  // namespace cv6::bench
