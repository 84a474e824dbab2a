// ELF headers: a valid program gives the plan that Linux would carry out; whatever else is in the file is refused, or
// gives a plan whose every address and offset lies inside the file and the user's half.
#include "task/elf.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "arch/user_memory.hpp"

namespace cv6 {
namespace {

constexpr std::uint32_t load = 1, interpreter = 3, stack = 0x6474e551;
constexpr std::uint32_t execute = 1, write = 2, read = 4;

std::string header(std::uint16_t type, std::uint16_t count, std::uint64_t entry = 0x401000) {
  std::string bytes(64, '\0');
  bytes.replace(0, 7, "\177ELF\2\1\1", 7);
  auto put = [&](std::size_t at, std::uint64_t value, std::size_t size) { std::memcpy(bytes.data() + at, &value, size); };
  put(16, type, 2);
  put(18, 62, 2);
  put(24, entry, 8);
  put(32, 64, 8);
  put(54, 56, 2);
  put(56, count, 2);
  return bytes;
}

ElfProgramHeader segment(std::uint64_t address, std::uint64_t offset, std::uint64_t file_size, std::uint64_t memory_size,
                         std::uint32_t flags = read) {
  return {load, flags, offset, address, address, file_size, memory_size, 4096};
}

Result<ElfPlan> plan(std::vector<ElfProgramHeader> headers, std::uint64_t file_size = 0x100000, std::uint16_t type = 2) {
  const auto elf = parse_elf_header(header(type, static_cast<std::uint16_t>(headers.size())));
  return plan_elf(*elf, headers, file_size);
}

TEST(Elf, HeaderOfAStaticProgram) {
  const auto elf = parse_elf_header(header(2, 3, 0x401234));
  ASSERT_TRUE(elf);
  EXPECT_EQ(elf->kind, ElfHeader::Kind::fixed);
  EXPECT_EQ(elf->entry, 0x401234u);
  EXPECT_EQ(elf->program_header_count, 3);
  EXPECT_EQ(parse_elf_header(header(3, 1))->kind, ElfHeader::Kind::position_independent);
}

TEST(Elf, HeadersThatAreRefused) {
  EXPECT_FALSE(parse_elf_header(""));
  EXPECT_FALSE(parse_elf_header("#!/bin/sh\n"));
  EXPECT_FALSE(parse_elf_header(header(2, 1).substr(0, 63)));
  EXPECT_FALSE(parse_elf_header(header(1, 1)));   // relocatable
  EXPECT_FALSE(parse_elf_header(header(2, 0)));   // no segments
  EXPECT_FALSE(parse_elf_header(header(2, 74)));  // more than fit into a page
  for (const std::size_t at : {0, 4, 5, 18, 54}) {
    std::string changed = header(2, 1);
    changed[at] ^= 0x55;
    EXPECT_FALSE(parse_elf_header(changed)) << at;
  }
}

TEST(Elf, ProgramsFor32BitsAreKnown) {
  std::string bytes = header(2, 1);
  EXPECT_FALSE(is_elf32_i386(bytes));
  bytes[4] = 1;
  bytes[18] = 3;
  EXPECT_TRUE(is_elf32_i386(bytes));
  EXPECT_FALSE(is_elf32_i386("\177ELF\1"));
}

TEST(Elf, TextDataAndBss) {
  const auto made = plan({segment(0x400000, 0, 0x2345, 0x2345, read | execute), segment(0x404e10, 0x3e10, 0x300, 0x5000, read | write)});
  ASSERT_TRUE(made);
  ASSERT_EQ(made->segment_count, 2u);
  const ElfSegment& data = made->segments[1];
  EXPECT_EQ(data.start, 0x404000u);
  EXPECT_EQ(data.file_start, 0x3000u);
  EXPECT_EQ(data.file_end, 0x405110u);
  EXPECT_EQ(data.end, 0x409e10u);
  EXPECT_TRUE(data.write && data.read && !data.execute);
  EXPECT_TRUE(data.has_tail());
  EXPECT_FALSE(made->segments[0].has_tail());
  EXPECT_EQ(made->brk, 0x409e10u);
  EXPECT_EQ(made->headers_address, 0x400040u);
  EXPECT_EQ(made->lowest, 0x400000u);
  EXPECT_EQ(made->highest, 0x40a000u);
}

TEST(Elf, OnlyBss) {
  const auto made = plan({segment(0x400000, 0, 0, 0x2800, read | write)});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->segments[0].file_end, made->segments[0].start);
  EXPECT_FALSE(made->segments[0].has_tail());
}

TEST(Elf, InterpreterAndStack) {
  const auto made = plan({{interpreter, read, 0x200, 0, 0, 28, 28, 1}, {stack, read | write | execute, 0, 0, 0, 0, 0, 16},
                          segment(0, 0, 0x1000, 0x1000)},
                         0x100000, 3);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->interpreter_offset, 0x200u);
  EXPECT_EQ(made->interpreter_size, 28u);
  EXPECT_TRUE(made->executable_stack);
}

TEST(Elf, SegmentsThatAreRefused) {
  EXPECT_FALSE(plan({}).has_value());
  EXPECT_FALSE(plan({segment(0x400000, 0, 0x2000, 0x1000)}));                               // more in the file than in memory
  EXPECT_FALSE(plan({segment(0x400000, 0, 0x2000, 0x2000)}, 0x1fff));                       // beyond the file's end
  EXPECT_FALSE(plan({segment(0x400000, ~0ull - 0xfff, 0x2000, 0x2000)}));                   // wraps in the file
  EXPECT_FALSE(plan({segment(0x400010, 0, 0x1000, 0x1000)}));                               // address and offset disagree
  EXPECT_FALSE(plan({segment(~0ull - 0xfff, 0, 0x1000, 0x2000)}));                          // wraps in memory
  EXPECT_FALSE(plan({segment(arch::user_end - 0x1000, 0, 0x1000, 0x1000)}));                // at the very end
  EXPECT_FALSE(plan({segment(0xffff800000000000, 0, 0x1000, 0x1000)}));                     // the kernel's half
  EXPECT_FALSE(plan({segment(0, 0, 0x1000, 0x1000)}));                                      // fixed at page 0
  EXPECT_FALSE(plan({segment(0x401000, 0, 0x1000, 0x1000), segment(0x400000, 0, 0x1000, 0x1000)}));  // out of order
  EXPECT_FALSE(plan({segment(0x400000, 0, 0x1800, 0x1800), segment(0x401000, 0, 0x1000, 0x1000)}));  // overlap
  EXPECT_FALSE(plan({{interpreter, read, 0, 0, 0, 1, 1, 1}, segment(0x400000, 0, 0x1000, 0x1000)}));  // no name
  EXPECT_FALSE(plan({{interpreter, read, 0, 0, 0, 5000, 5000, 1}, segment(0x400000, 0, 0x1000, 0x1000)}));
}

// Whatever the file says: what a plan promises holds.
void expect_sound(const ElfPlan& made, std::uint64_t file_size) {
  ASSERT_GT(made.segment_count, 0u);
  std::uint64_t previous = 0;
  for (unsigned i = 0; i < made.segment_count; ++i) {
    const ElfSegment& one = made.segments[i];
    EXPECT_EQ(one.start % page_size, 0u);
    EXPECT_EQ(one.file_start % page_size, 0u);
    EXPECT_LE(one.start, one.file_end);
    EXPECT_LE(one.file_end, one.end);
    EXPECT_LT(one.end, arch::user_end);
    EXPECT_GE(page_ceiling(one.end), previous);
    if (one.file_end > one.start) EXPECT_LE(one.file_start + (one.file_end - one.start), file_size);
    previous = page_floor(one.end);
  }
  EXPECT_LE(made.lowest, made.highest);
  EXPECT_LE(made.interpreter_offset + made.interpreter_size, file_size);
  EXPECT_EQ(made.alignment & (made.alignment - 1), 0u);
}

constexpr std::uint64_t flat_limit = 0x7fffe000;

TEST(FlatElf, BeginsAtZeroAndNeedsNoAlignedOffset) {
  const ElfProgramHeader headers[] = {segment(0, 0x78, 0x992f, 0x23430, read | write | execute)};
  const auto flat = plan_flat_elf(headers, 0xa000, flat_limit);
  ASSERT_TRUE(flat);
  EXPECT_EQ(flat->segment_count, 1u);
  EXPECT_EQ(flat->segments[0].file_start, 0x78u);
  EXPECT_EQ(flat->segments[0].file_end, 0x992fu);
  EXPECT_EQ(flat->highest, 0x24000u);
}

TEST(FlatElf, WhatIsRefused) {
  const auto refused = [](std::vector<ElfProgramHeader> headers) { return !plan_flat_elf(headers, 0x1000, flat_limit); };
  EXPECT_TRUE(refused({}));
  EXPECT_TRUE(refused({segment(0x8048000, 0, 0x100, 0x100)}));                   // a Linux program of 32 bits
  EXPECT_TRUE(refused({segment(0, 0, 0x100, 0x100), {interpreter, read, 0, 0, 0, 16, 16, 1}}));
  EXPECT_TRUE(refused({segment(0, 0, 0x200, 0x100)}));                           // more in the file than in memory
  EXPECT_TRUE(refused({segment(0, 0xff0, 0x100, 0x100)}));                       // beyond the file's end
  EXPECT_TRUE(refused({segment(0, UINT64_MAX, 2, 2)}));
  EXPECT_TRUE(refused({segment(0, 0, 0x100, flat_limit + 1)}));
  EXPECT_FALSE(refused({segment(0, 0, 0x100, flat_limit)}));
}

// Copied in their order, a later one may overwrite an earlier one; but not the whole image again and again.
TEST(FlatElf, SegmentsOverOneAnother) {
  EXPECT_TRUE(plan_flat_elf(std::vector(2, segment(0, 0, 0x800, 0x1000)), 0x1000, flat_limit));
  EXPECT_FALSE(plan_flat_elf(std::vector(3, segment(0, 0, 0x800, 0x1000)), 0x1000, flat_limit));
  EXPECT_FALSE(plan_flat_elf(std::vector(64, segment(0, 0, 200 << 20, 200 << 20)), 200 << 20, flat_limit));
}

TEST(Elf, DamagedHeadersNeverGiveAnUnsoundPlan) {
  std::mt19937_64 random(1);
  const std::uint64_t edges[] = {0,      1,      0xfff,          0x1000,         0x400000, 0x7fffffffe000, 0x7ffffffff000,
                                 ~0ull,  1ull << 63, ~0ull - 0xfff, 0xffff800000000000, 64};
  for (int round = 0; round < 200'000; ++round) {
    std::vector<ElfProgramHeader> headers = {segment(0x400000, 0, 0x2000, 0x2000), segment(0x402000, 0x2000, 0x100, 0x2000),
                                             {interpreter, read, 0x200, 0, 0, 28, 28, 1}};
    for (int change = 0; change < 1 + round % 3; ++change) {
      auto* words = reinterpret_cast<std::uint64_t*>(&headers[random() % headers.size()]);
      words[random() % 7] = random() % 2 ? edges[random() % std::size(edges)] : random() >> (random() % 64);
    }
    const auto made = plan(headers, 0x3000, random() % 2 ? 2 : 3);
    if (made) expect_sound(*made, 0x3000);
  }
}

}  // namespace
}  // namespace cv6
