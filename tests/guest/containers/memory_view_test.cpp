// Where the addresses of a container's processes lead, and the table of what a container has.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <map>
#include <set>
#include <vector>

#include "support/container.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

using View = MemoryTable::View;

class ContainerMemoryView : public ContainersAndFiles {};

MemoryWalk walk(int container, pid_t pid, const void* address) {
  MemoryWalk answer;
  answer.container = container;
  answer.pid = pid;
  answer.gva = reinterpret_cast<std::uintptr_t>(address);
  EXPECT_OK(walk_memory(answer));
  return answer;
}

int walk_fails(int container, pid_t pid, const void* address, MemoryWalk& answer) {
  answer = {};
  answer.container = container;
  answer.pid = pid;
  answer.gva = reinterpret_cast<std::uintptr_t>(address);
  return walk_memory(answer);
}

std::vector<MemoryRun> table_of(int container, View view, std::uint64_t at_once = 7) {
  std::vector<MemoryRun> all, part(at_once);
  MemoryTable table;
  table.container = container;
  table.view = view;
  table.runs = part.data();
  table.count = at_once;
  long count;
  while ((count = memory_table(table)) > 0) all.insert(all.end(), part.begin(), part.begin() + count);
  EXPECT_EQ(count, 0);
  return all;
}

// The run that has the address, or null.
const MemoryRun* run_of(const std::vector<MemoryRun>& runs, const void* address) {
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  for (const MemoryRun& run : runs)
    if (run.gva != no_address && wanted >= run.gva && wanted - run.gva < run.pages * page_size) return &run;
  return nullptr;
}

// Page by page: (pid, GVA) -> (GPA, HPA). Where a run ends depends on who else maps its pages.
std::map<std::pair<int, std::uint64_t>, std::pair<std::uint64_t, std::uint64_t>> pages_of(const std::vector<MemoryRun>& runs) {
  std::map<std::pair<int, std::uint64_t>, std::pair<std::uint64_t, std::uint64_t>> pages;
  for (const MemoryRun& run : runs)
    for (std::uint64_t offset = 0; offset < run.pages * page_size; offset += page_size)
      EXPECT_TRUE(pages.emplace(std::pair(run.pid, run.gva + offset), std::pair(run.gpa + offset, run.hpa + offset)).second);
  return pages;
}

// A process that joined a box, touched some memory and waits; its number inside, as it told.
class Resident {
 public:
  explicit Resident(const Box& box, const std::function<void()>& prepare = [] {}) {
    pid_ = box.start([&] {
      prepare();
      const pid_t own = getpid();
      ASSERT_EQ(::write(told_.write, &own, sizeof own), ssize_t{sizeof own});
      for (;;) pause();
    });
    EXPECT_EQ(::read(told_.read, &inside_, sizeof inside_), ssize_t{sizeof inside_});
  }
  ~Resident() {
    kill(pid_, SIGKILL);
    reap(pid_);
  }
  Resident(const Resident&) = delete;
  Resident& operator=(const Resident&) = delete;
  pid_t inside() const { return inside_; }
  pid_t outside() const { return pid_; }

 private:
  Pipe told_;
  pid_t pid_ = -1, inside_ = 0;
};

TEST_F(ContainerMemoryView, OneAddressThroughEveryStage) {
  Box box;
  const Mapping page(page_size);
  const Resident resident(box, [&] { strcpy(page.as(), "mine"); });
  const MemoryWalk found = walk(box.id(), resident.inside(), page.as(123));
  EXPECT_EQ(found.found, MemoryWalk::mapping_found | MemoryWalk::page_found);
  EXPECT_EQ(found.kind, MemoryKind::anonymous);
  EXPECT_EQ(found.bits & (memory_bit::read | memory_bit::write | memory_bit::execute), memory_bit::read | memory_bit::write);
  EXPECT_TRUE(found.bits & memory_bit::writable_now);
  EXPECT_TRUE(found.bits & memory_bit::dirty);
  EXPECT_FALSE(found.bits & (memory_bit::shared_mapping | memory_bit::outside | memory_bit::zero_page));
  EXPECT_EQ(found.owner, box.id());
  EXPECT_EQ(found.mappers, 1u);
  EXPECT_EQ(found.caches, 0u);
  EXPECT_EQ(found.gpa % page_size, 123u);
  EXPECT_EQ(found.hpa % page_size, 123u);
  EXPECT_EQ(found.hva - found.hpa, 0xffff'8000'0000'0000);
  EXPECT_LT(found.gpa, box.stat().memory_peak + page_size);  // guest-physical memory begins at 0
}

TEST_F(ContainerMemoryView, TheLevelsLeadFromOneToTheNext) {
  Box box;
  const Mapping page(page_size);
  const Resident resident(box, [&] { *page.as() = 'x'; });
  const MemoryWalk found = walk(box.id(), resident.inside(), page.as());
  ASSERT_EQ(found.levels, 4u);
  constexpr std::uint64_t address_bits = 0x000f'ffff'ffff'f000;
  for (unsigned i = 0; i < 4; ++i) {
    EXPECT_TRUE(found.level[i].present);
    EXPECT_EQ(found.level[i].index, found.gva >> (39 - 9 * i) & 511);
    const std::uint64_t next = i + 1 < 4 ? found.level[i + 1].table_hpa : found.hpa;
    EXPECT_EQ(found.level[i].entry & address_bits, next);
    EXPECT_NE(found.level[i].table_gpa, no_address);
  }
}

TEST_F(ContainerMemoryView, OnTheHostGpaIsHpa) {
  const Mapping page(page_size);
  *page.as() = 'x';
  const MemoryWalk found = walk(host_container, getpid(), page.as(5));
  EXPECT_EQ(found.owner, host_container);
  EXPECT_EQ(found.gpa, found.hpa);
}

TEST_F(ContainerMemoryView, WhatIsNotThereNowIsEfault) {
  Box box;
  const Mapping untouched(page_size);
  const Resident resident(box);
  MemoryWalk answer;
  EXPECT_ERRNO(EFAULT, walk_fails(box.id(), resident.inside(), untouched.as(), answer));
  EXPECT_EQ(answer.found, MemoryWalk::mapping_found);
  EXPECT_EQ(answer.mapping_end - answer.mapping_start, page_size * ((answer.mapping_end - answer.mapping_start) / page_size));
  EXPECT_ERRNO(EFAULT, walk_fails(box.id(), resident.inside(), reinterpret_cast<void*>(0x1000), answer));
  EXPECT_EQ(answer.found, 0u);
  for (std::size_t i = 0; i < std::size(wild_addresses); ++i)
    EXPECT_ERRNO(EFAULT, walk_fails(box.id(), resident.inside(), wild(i), answer));
}

TEST_F(ContainerMemoryView, WhoIsNotKnownIsEsrch) {
  Box box;
  const Resident resident(box);
  MemoryWalk answer;
  EXPECT_ERRNO(ESRCH, walk_fails(box.id() + 1000, 1, &answer, answer));
  EXPECT_ERRNO(ESRCH, walk_fails(box.id(), resident.inside() + 1000, &answer, answer));
  EXPECT_ERRNO(ESRCH, walk_fails(box.id(), 0, &answer, answer));
  EXPECT_INSIDE(box, {
    MemoryWalk inside;
    EXPECT_ERRNO(ESRCH, walk_fails(host_container, 1, &inside, inside));  // up
  });
}

TEST_F(ContainerMemoryView, OnlyTheMightyLookDown) {
  Box box;
  const Resident resident(box);
  EXPECT_CHILD({
    ASSERT_OK(setuid(lonely_user()));
    MemoryWalk answer;
    EXPECT_ERRNO(EPERM, walk_fails(box.id(), resident.inside(), &answer, answer));
    EXPECT_ERRNO(EPERM, walk_fails(host_container, 1, &answer, answer));
    MemoryTable table;
    table.container = box.id();
    EXPECT_ERRNO(EPERM, memory_table(table));
    table.container = host_container;
    EXPECT_ERRNO(EPERM, memory_table(table));
    *reinterpret_cast<volatile char*>(&answer) = 0;
    EXPECT_OK(walk_fails(host_container, getpid(), &answer, answer));  // itself
  });
}

TEST_F(ContainerMemoryView, InsideIsToldNothingOfTheHost) {
  Box box;
  const Mapping before(page_size);
  *before.as() = 'h';
  EXPECT_INSIDE(box, {
    const Mapping page(page_size);
    *page.as() = 'x';
    const MemoryWalk own = walk(cid(), getpid(), page.as(7));
    EXPECT_EQ(own.owner, cid());
    EXPECT_EQ(own.gpa % page_size, 7u);
    EXPECT_EQ(own.hva, no_address);
    EXPECT_EQ(own.hpa, no_address);
    for (unsigned i = 0; i < own.levels; ++i) {
      EXPECT_EQ(own.level[i].entry, 0u);
      EXPECT_EQ(own.level[i].table_hpa, no_address);
    }
    // A page that the host was charged for before the process joined.
    const MemoryWalk hosts = walk(cid(), getpid(), before.as());
    EXPECT_TRUE(hosts.bits & memory_bit::outside);
    EXPECT_EQ(hosts.owner, host_container);
    EXPECT_EQ(hosts.gpa, no_address);
    for (const MemoryRun& run : table_of(cid(), View::processes)) {
      EXPECT_EQ(run.hpa, no_address);
      EXPECT_EQ(run.hva, no_address);
      EXPECT_EQ(run.gpa == no_address, (run.bits & memory_bit::outside) != 0);
    }
  });
}

TEST_F(ContainerMemoryView, ForkSharesUntilSomebodyWrites) {
  Box box;
  const Mapping pages(2 * page_size);
  Pipe forked;
  pid_t child = 0;
  const Resident resident(box, [&] {
    *pages.as() = 'a';
    *pages.as(page_size) = 'b';
    spawn([&] {
      *pages.as() = 'c';
      const pid_t own = getpid();
      EXPECT_EQ(::write(forked.write, &own, sizeof own), ssize_t{sizeof own});
      for (;;) pause();
      return 0;
    });
  });
  ASSERT_EQ(::read(forked.read, &child, sizeof child), ssize_t{sizeof child});
  EXPECT_EQ(walk(box.id(), resident.inside(), pages.as()).mappers, 1u);
  const MemoryWalk shared = walk(box.id(), resident.inside(), pages.as(page_size));
  EXPECT_EQ(shared.mappers, 2u);
  EXPECT_FALSE(shared.bits & memory_bit::writable_now);
  const MemoryWalk childs = walk(box.id(), child, pages.as(page_size));
  EXPECT_EQ(childs.gpa, shared.gpa);
  EXPECT_EQ(childs.hpa, shared.hpa);
}

TEST_F(ContainerMemoryView, FilesByName) {
  write_file("file", std::string(3 * page_size, 'f'));
  Box box;
  const Resident resident(box, [] {
    const Descriptor file = open_file("file", O_RDONLY);
    const void* at = mmap(reinterpret_cast<void*>(0x7000'0000), 3 * page_size, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0);
    ASSERT_NE(at, MAP_FAILED);
    (void)*static_cast<const volatile char*>(at);
  });
  const MemoryWalk found = walk(box.id(), resident.inside(), reinterpret_cast<void*>(0x7000'1000));
  EXPECT_EQ(found.kind, MemoryKind::file);
  EXPECT_TRUE(std::string(found.name).ends_with("/file")) << found.name;
  EXPECT_EQ(found.owner, host_container);  // the page is the original's
  EXPECT_EQ(found.caches, 1u);
  EXPECT_TRUE(found.bits & memory_bit::shared_mapping);
  EXPECT_EQ(found.mapping_start, 0x7000'0000u);
  EXPECT_EQ(found.mapping_offset, 0u);
}

TEST_F(ContainerMemoryView, UntouchedMemoryIsThePageOfZeros) {
  Box box;
  const Mapping page(page_size);
  const Resident resident(box, [&] { EXPECT_EQ(*const_cast<volatile char*>(page.as()), 0); });
  const MemoryWalk found = walk(box.id(), resident.inside(), page.as());
  EXPECT_TRUE(found.bits & memory_bit::zero_page);
  EXPECT_EQ(found.owner, host_container);
}

TEST_F(ContainerMemoryView, TheTableSaysWhatTheWalkSays) {
  Box box;
  const Mapping pages(5 * page_size);
  const Resident resident(box, [&] { memset(pages.as(), 'x', pages.length()); });
  const auto runs = table_of(box.id(), View::processes);
  for (unsigned i = 0; i < 5; ++i) {
    const MemoryRun* run = run_of(runs, pages.page(i));
    ASSERT_TRUE(run);
    const MemoryWalk found = walk(box.id(), resident.inside(), pages.page(i));
    const std::uint64_t offset = found.gva - run->gva;
    EXPECT_EQ(run->gpa + offset, found.gpa);
    EXPECT_EQ(run->hpa + offset, found.hpa);
    EXPECT_EQ(run->hva + offset, found.hva);
    EXPECT_EQ(run->owner, found.owner);
    EXPECT_EQ(run->pid, resident.inside());
    EXPECT_EQ(run->kind, MemoryKind::anonymous);
  }
}

TEST_F(ContainerMemoryView, TheTableIsTheSameInPartsOfAnySize) {
  Box box;
  const Resident one(box), two(box);
  const auto whole = table_of(box.id(), View::processes, 4096);
  EXPECT_GT(whole.size(), 10u);
  for (const std::uint64_t size : {1, 3, 50}) {
    const auto parts = table_of(box.id(), View::processes, size);
    EXPECT_TRUE(pages_of(parts) == pages_of(whole)) << "in parts of " << size;
  }
  std::set<int> pids;
  for (const MemoryRun& run : whole) pids.insert(run.pid);
  EXPECT_EQ(pids, (std::set<int>{one.inside(), two.inside()}));
}

TEST_F(ContainerMemoryView, EveryFrameOnceByItsNumber) {
  Box box;
  const Mapping pages(20 * page_size);
  Pipe full;
  const Resident resident(box, [&] {
    memset(pages.as(), 'x', pages.length());
    write_file("inside", std::string(10 * page_size, 'i'));
    int ends[2];
    ASSERT_OK(pipe(ends));
    ASSERT_EQ(write(ends[1], "text", 4), 4);
  });
  const auto frames = table_of(box.id(), View::frames);
  std::map<MemoryKind, unsigned> kinds;
  std::uint64_t next = 0;
  for (const MemoryRun& frame : frames) {
    EXPECT_GE(frame.gpa, next);
    next = frame.gpa + page_size;
    EXPECT_EQ(frame.owner, box.id());
    EXPECT_EQ(frame.pages, 1u);
    EXPECT_EQ(frame.gva, no_address);
    ++kinds[frame.kind];
  }
  EXPECT_GE(kinds[MemoryKind::process_page], 20u);
  EXPECT_GE(kinds[MemoryKind::page_table], 1u);
  EXPECT_EQ(kinds[MemoryKind::file_page], 10u);
  EXPECT_EQ(kinds[MemoryKind::kernel_data], 1u);
  EXPECT_LE(frames.size() * page_size, box.stat().memory);
  // All that its processes map of its own is there.
  std::set<std::uint64_t> numbers;
  for (const MemoryRun& frame : frames) numbers.insert(frame.gpa);
  for (const MemoryRun& run : table_of(box.id(), View::processes))
    for (unsigned i = 0; run.owner == box.id() && i < run.pages; ++i)
      EXPECT_TRUE(numbers.contains(run.gpa + i * page_size));
}

TEST_F(ContainerMemoryView, BadRequests) {
  Box box;
  MemoryTable table;
  table.container = box.id();
  table.view = static_cast<View>(2);
  EXPECT_ERRNO(EINVAL, memory_table(table));
  table.view = View::processes;
  table.pid = -1;
  EXPECT_ERRNO(EINVAL, memory_table(table));
  table.pid = 0;
  table.reserved = 1;
  EXPECT_ERRNO(EINVAL, memory_table(table));
  table.reserved = 0;
  EXPECT_EQ(memory_table(table), 0);  // nobody is in it
  const Resident resident(box);
  table.count = 1;
  table.runs = wild<MemoryRun>();
  EXPECT_ERRNO(EFAULT, memory_table(table));
  EXPECT_ERRNO(EINVAL, syscall(call::memory_table, &table, sizeof table - 8));
  EXPECT_ERRNO(EFAULT, syscall(call::walk_memory, wild(), sizeof(MemoryWalk)));
}

// Whoever looks meanwhile sees what is there, and nothing is lost.
TEST_F(ContainerMemoryView, WhileProcessesComeAndGo) {
  const ObjectCounts before = count_objects();
  {
    Box box;
    Pipe inside;
    std::vector<pid_t> busy;
    for (int i = 0; i < 3; ++i)
      busy.push_back(box.start([&] {
        inside.notify();
        for (;;)
          run([] {
            const Mapping pages(64 * page_size);
            memset(pages.as(), 'x', pages.length());
            return 0;
          });
      }));
    for (int i = 0; i < 3; ++i) inside.wait();
    for (int i = 0; i < 60; ++i) {
      for (const View view : {View::processes, View::frames}) {
        MemoryRun runs[16];
        MemoryTable table;
        table.container = box.id();
        table.view = view;
        table.runs = runs;
        table.count = std::size(runs);
        for (int part = 0; part < 200; ++part) {
          const long count = memory_table(table);
          ASSERT_GE(count, 0);
          if (count == 0) break;
        }
      }
    }
    box.destroy();
    for (const pid_t pid : busy) EXPECT_TRUE(reap(pid).killed_by(SIGKILL));
  }
  EXPECT_TRUE(wait_until([&] {
    const ObjectCounts after = count_objects();
    return after.at("address_space") == before.at("address_space") && after.at("guest_memory") == before.at("guest_memory");
  }));
}

}  // namespace
}  // namespace cv6::guest
