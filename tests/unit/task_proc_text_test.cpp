// The texts of procfs, compared with what Linux 6.1 writes for the same facts: programs parse them by column, field or
// line.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "fs/mount.hpp"
#include "task/proc/descriptor_text.hpp"
#include "task/proc/memory_text.hpp"
#include "task/proc/mount_text.hpp"
#include "task/proc/process_text.hpp"
#include "task/proc/system_text.hpp"

namespace cv6::proc {
namespace {

class StringOutput final : public Output {
 public:
  void write(std::string_view text) override { text_ += text; }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

template <class Print, class... Args>
std::string text_of(Print print, const Args&... args) {
  StringOutput out;
  print(out, args...);
  return out.text();
}

ProcessFacts example() {
  ProcessFacts facts;
  ProcessInfo& info = facts.info;
  info.number = facts.process = 42;
  info.parent = 7;
  info.group = 40;
  info.session = 39;
  info.terminal = make_device(136, 1);
  info.foreground_group = 40;
  info.state = 'S';
  info.name = std::string_view("cat");
  info.threads = 2;
  info.nice = -5;
  info.start_time = 12'345'678'901;  // 1234 ticks
  info.usage.user_time = 50'000'000;
  info.usage.system_time = 70'000'000;
  info.usage.minor_faults = 100;
  info.usage.major_faults = 3;
  info.usage.peak_resident_pages = 90;
  info.children_usage.user_time = 20'000'000;
  info.memory = {.virtual_pages = 1000,
                 .peak_virtual_pages = 1100,
                 .resident_pages = 80,
                 .shared_pages = 30,
                 .text_pages = 25,
                 .data_pages = 40,
                 .stack_pages = 33,
                 .page_table_pages = 11};
  info.ranges.code_start = 0x400000;
  info.ranges.code_end = 0x405000;
  info.ranges.stack_start = 0x7ffe0000;
  info.pending = SignalSet::of(10);
  info.blocked = SignalSet::of(2, 34);
  info.exit_signal = 17;
  info.cpu = 3;
  info.container = -1;
  facts.has_memory = facts.has_executed = true;
  facts.library_pages = 20;
  facts.cpus = 0b1101;
  facts.cpu_count = 4;
  return facts;
}

std::vector<std::string> fields_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> fields;
  for (std::string field; stream >> field;) fields.push_back(field);
  return fields;
}

TEST(ProcStat, AllFields) {
  EXPECT_EQ(
      text_of(print_stat, example()),
      "42 (cat) S 7 40 39 34817 40 0 100 0 3 0 5 7 2 0 15 -5 2 0 1234 4096000 80 18446744073709551615 4194304 4214784 "
      "2147352576 0 0 512 2 0 0 0 0 0 17 3 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
}

TEST(ProcStat, HasAsManyFieldsAsLinuxHas) {
  std::ifstream real("/proc/self/stat");
  std::string line;
  std::getline(real, line);
  EXPECT_EQ(fields_of(text_of(print_stat, example())).size(), fields_of(line.substr(line.find(')'))).size() + 1);
}

TEST(ProcStat, HidesAddressesFromOthers) {
  ProcessFacts facts = example();
  facts.addresses_visible = false;
  facts.exit_code = 256;
  const auto fields = fields_of(text_of(print_stat, facts));
  EXPECT_EQ(fields[25], "1");  // startcode
  EXPECT_EQ(fields[26], "1");  // endcode
  EXPECT_EQ(fields[27], "0");  // startstack
  EXPECT_EQ(fields[51], "0");  // exit_code
}

TEST(ProcStat, EscapesNames) {
  ProcessFacts facts = example();
  facts.info.name = std::string_view("a\nb\\c) (");
  EXPECT_TRUE(text_of(print_stat, facts).starts_with("42 (a\\nb\\\\c) () S 7 "));
}

TEST(ProcStat, Zombie) {
  ProcessFacts facts = example();
  facts.has_memory = false;
  facts.info.memory = {};
  facts.info.state = 'Z';
  facts.exit_code = 9;
  const auto fields = fields_of(text_of(print_stat, facts));
  EXPECT_EQ(fields[2], "Z");
  EXPECT_EQ(fields[22], "0");
  EXPECT_EQ(fields[25], "0");
  EXPECT_EQ(fields[51], "9");
}

TEST(ProcStatm, Fields) { EXPECT_EQ(text_of(print_statm, example().info.memory), "1000 80 30 25 0 73 0\n"); }

TEST(ProcStatus, Lines) {
  ProcessFacts facts = example();
  const std::uint32_t numbers[] = {4, 24};
  facts.info.groups = *GroupSet::create(numbers);
  facts.info.ids.user = 1000;
  const LevelNumbers levels[] = {{42, 43, 40, 39}, {2, 3, 1, 0}};
  facts.levels = levels;
  const std::string text = text_of(print_status, facts);
  EXPECT_TRUE(
      text.starts_with("Name:\tcat\nUmask:\t0000\nState:\tS (sleeping)\nTgid:\t42\nNgid:\t0\nPid:\t42\nPPid:\t7\n"
                       "TracerPid:\t0\nUid:\t1000\t0\t0\t0\nGid:\t0\t0\t0\t0\nFDSize:\t0\nGroups:\t4 24 \n"
                       "NStgid:\t42\t2\nNSpid:\t43\t3\nNSpgid:\t40\t1\nNSsid:\t39\t0\nVmPeak:\t    4400 kB\n"))
      << text;
  for (const char* line :
       {"\nVmHWM:\t     360 kB\n", "\nRssAnon:\t     200 kB\n", "\nVmExe:\t      20 kB\n", "\nVmLib:\t      80 kB\n",
        "\nSigQ:\t0/0\n", "\nShdPnd:\t0000000000000200\n", "\nSigBlk:\t0000000200000002\n",
        "\nCapEff:\t000001ffffffffff\n", "\nCpus_allowed:\td\nCpus_allowed_list:\t0,2-3\n", "\nContainer:\t-1\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

TEST(ProcStatus, WithoutGroupsAndMemory) {
  ProcessFacts facts = example();
  facts.has_memory = false;
  facts.info.ids.user = facts.info.ids.effective_user = facts.info.ids.saved_user = 5;
  const std::string text = text_of(print_status, facts);
  EXPECT_NE(text.find("\nGroups:\t \n"), std::string::npos);
  EXPECT_NE(text.find("\nCapPrm:\t0000000000000000\n"), std::string::npos);
  EXPECT_EQ(text.find("Vm"), std::string::npos);
  EXPECT_EQ(text.find("Umask"), std::string::npos);
}

TEST(ProcStatus, CpuSets) {
  EXPECT_EQ(text_of(print_cpu_mask, arch::CpuSet{0x3}, 6u), "03");
  EXPECT_EQ(text_of(print_cpu_mask, ~arch::CpuSet{0}, 64u), "ffffffff,ffffffff");
  EXPECT_EQ(text_of(print_cpu_list, ~arch::CpuSet{0}), "0-63");
  EXPECT_EQ(text_of(print_cpu_list, arch::CpuSet{0}), "");
  EXPECT_EQ(text_of(print_cpu_list, arch::CpuSet{1} << 63 | 1), "0,63");
}

// The kernel that runs the tests is the judge of columns.
TEST(ProcLimits, LooksLikeLinux) {
  ResourceLimits limits;
  limits[Resource::open_files] = {1024, 1048576};
  const std::string text = text_of(print_limits, limits);
  std::ifstream real("/proc/self/limits");
  std::istringstream ours(text);
  std::string their_line, our_line;
  for (unsigned i = 0; i <= resource_count; ++i) {
    ASSERT_TRUE(std::getline(real, their_line) && std::getline(ours, our_line));
    EXPECT_EQ(our_line.substr(0, 26), their_line.substr(0, 26));
    EXPECT_EQ(our_line.size(), their_line.size());
  }
  EXPECT_NE(text.find("Max open files            1024                 1048576              files     \n"),
            std::string::npos);
}

TEST(ProcMaps, FileAnonymousAndLongInode) {
  MappingFacts facts{.start = 0x400000,
                     .end = 0x4f1000,
                     .protection = {.read = true, .execute = true},
                     .offset = 0x1000,
                     .device = make_device(8, 17),
                     .inode = 1234567,
                     .name = "/bin/with\nnewline"};
  EXPECT_EQ(text_of(print_mapping, facts),
            "00400000-004f1000 r-xp 00001000 08:11 1234567                            /bin/with\\012newline\n");
  facts = {.start = 0x7ffff7fc0000,
           .end = 0x7ffff7fc4000,
           .protection = {.read = true, .write = true},
           .sharing = MapRequest::Sharing::shared};
  EXPECT_EQ(text_of(print_mapping, facts), "7ffff7fc0000-7ffff7fc4000 rw-s 00000000 00:00 0 \n");
  facts.name = "[stack]";
  EXPECT_EQ(text_of(print_mapping, facts).find("[stack]"), 73u);
}

TEST(ProcMaps, ColumnIsThatOfLinux) {
  std::ifstream real("/proc/self/maps");
  for (std::string line; std::getline(real, line);)
    if (const auto column = line.find('['); column != std::string::npos) EXPECT_EQ(column, 73u);
}

TEST(ProcSmaps, LinesOfOneMapping) {
  const ResidentFacts facts{.size = 8192, .resident = 4096, .proportional = 2048, .shared_clean = 4096};
  const std::string text = text_of(print_resident, facts, SmapsKind::mapping);
  EXPECT_TRUE(text.starts_with("Size:                  8 kB\nKernelPageSize:        4 kB\n")) << text;
  EXPECT_NE(text.find("Rss:                   4 kB\nPss:                   2 kB\nShared_Clean:          4 kB\n"),
            std::string::npos);
  EXPECT_TRUE(text_of(print_resident, facts, SmapsKind::rollup).starts_with("Rss:"));
}

TEST(ProcDescriptors, Fdinfo) {
  EXPECT_EQ(text_of(print_descriptor, DescriptorFacts{.position = 7,
                                                      .flags = open_flag::read | open_flag::write | open_flag::append |
                                                               open_flag::large_file,
                                                      .close_on_exec = true,
                                                      .mount = 3,
                                                      .inode = 99}),
            "pos:\t7\nflags:\t02102002\nmnt_id:\t3\nino:\t99\n");
}

TEST(ProcMounts, Lines) {
  const MountFacts facts{.id = 5,
                         .parent = 1,
                         .device = make_device(0, 9),
                         .source = "my disk",
                         .place = "/mnt/a b",
                         .type = "tmpfs",
                         .flags = mount_flag::read_only | mount_flag::no_devices};
  EXPECT_EQ(text_of(print_mounts_line, facts), "my\\040disk /mnt/a\\040b tmpfs ro,nodev 0 0\n");
  EXPECT_EQ(text_of(print_mountinfo_line, facts), "5 1 0:9 / /mnt/a\\040b ro,nodev - tmpfs my\\040disk ro\n");
}

TEST(ProcSystem, Meminfo) {
  const std::string text = text_of(print_meminfo, MemoryFacts{.total = 32768, .free = 20000, .files = 1000});
  EXPECT_TRUE(
      text.starts_with("MemTotal:         131072 kB\nMemFree:           80000 kB\nMemAvailable:      80000 kB\n"));
  EXPECT_NE(text.find("\nCached:             4000 kB\n"), std::string::npos);
}

TEST(ProcSystem, StatAndUptime) {
  const sched::CpuTimes times{.user = 10'000'000, .system = 20'000'000, .idle = 3'000'000'000};
  EXPECT_EQ(text_of(print_cpu_times, "cpu ", times), "cpu  1 0 2 300 0 0 0 0 0 0\n");
  EXPECT_EQ(text_of(print_system_counts, SystemFacts{5, 1'700'000'000'500'000'000, 12, 2}),
            "intr 0\nctxt 5\nbtime 1700000000\nprocesses 12\nprocs_running 2\nprocs_blocked 0\n");
  EXPECT_EQ(text_of(print_uptime, Nanoseconds{61'050'000'000}, Nanoseconds{0}), "61.05 0.00\n");
}

TEST(ProcSystem, LoadAverage) {
  EXPECT_EQ(text_of(print_load, LoadFacts{{2048, 1024, 20}, 1, 12, 345}), "1.00 0.50 0.01 1/12 345\n");
}

TEST(ProcSystem, Uuid) {
  std::byte bytes[16];
  for (std::byte& byte : bytes) byte = std::byte{0xff};
  EXPECT_EQ(text_of(print_uuid, std::span<const std::byte, 16>(bytes)), "ffffffff-ffff-4fff-bfff-ffffffffffff\n");
}

TEST(ProcSystem, Locks) {
  const LockDescription lock{.type = "POSIX",
                             .write = true,
                             .waiting = false,
                             .process = 1,
                             .device = make_device(0, 18),
                             .inode = 77,
                             .start = 0,
                             .end = UINT64_MAX};
  EXPECT_EQ(text_of(print_lock, 1u, lock, 33), "1: POSIX  ADVISORY  WRITE 33 00:12:77 0 EOF\n");
}

}  // namespace
}  // namespace cv6::proc
