// Executables that are broken: exec refuses them or their process dies; nothing worse.

#include <elf.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <random>

#include "support/child.hpp"
#include "support/memory.hpp"
#include "support/small_program.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {
namespace {

constexpr std::uint64_t base = ProgramOf<1>::base;

// exit(42), as machine code.
constexpr unsigned char exit_code[] = {0xbf, 42, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05};

struct SmallProgram : ProgramOf<sizeof exit_code> {
  SmallProgram() : ProgramOf(exit_code) {}
};

constexpr int refused = 200;  // plus nothing: exec returned

class Elf : public TempDir {
 protected:
  // Writes the bytes, runs them, and tells how it ended; exec's errno is in `error` when it returned.
  Ending run_bytes(std::string_view bytes) {
    unlink("program");
    write_file("program", bytes, 0755);
    int ends[2] = {-1, -1};
    EXPECT_OK(pipe2(ends, O_CLOEXEC));
    const Ending ending = run([&] {
      const rlimit second{1, 1};
      setrlimit(RLIMIT_CPU, &second);
      const rlimit memory{1UL << 30, 1UL << 30};
      setrlimit(RLIMIT_AS, &memory);
      execl("./program", "program", nullptr);
      write(ends[1], &errno, sizeof errno);
      return refused;
    });
    close(ends[1]);
    error = 0;
    read(ends[0], &error, sizeof error);
    close(ends[0]);
    return ending;
  }
  Ending run_program(const SmallProgram& program) {
    return run_bytes({reinterpret_cast<const char*>(&program), sizeof program});
  }
  void expect_refused(const SmallProgram& program, const char* what) {
    const Ending ending = run_program(program);
    EXPECT_TRUE(ending.exited(refused) || WIFSIGNALED(ending.status)) << what << ": " << ending;
  }
  int error = 0;
};

TEST_F(Elf, SmallProgramRuns) { EXPECT_TRUE(run_program({}).exited(42)); }

TEST_F(Elf, WrongIdentityIsEnoexec) {
  const auto expect_enoexec = [&](const std::function<void(SmallProgram&)>& change) {
    SmallProgram program;
    change(program);
    EXPECT_TRUE(run_program(program).exited(refused));
    EXPECT_EQ(error, ENOEXEC);
  };
  expect_enoexec([](auto& p) { p.header.e_ident[0] = 0; });
  expect_enoexec([](auto& p) { p.header.e_ident[3] = 'G'; });
  expect_enoexec([](auto& p) { p.header.e_type = ET_REL; });
  expect_enoexec([](auto& p) { p.header.e_type = ET_CORE; });
  expect_enoexec([](auto& p) { p.header.e_machine = EM_AARCH64; });
  expect_enoexec([](auto& p) { p.header.e_phentsize = 7; });
  expect_enoexec([](auto& p) { p.header.e_phnum = 0; });
}

TEST_F(Elf, TruncatedAnywhere) {
  const SmallProgram program;
  const std::string bytes(reinterpret_cast<const char*>(&program), sizeof program);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const Ending ending = run_bytes(std::string_view(bytes).substr(0, length));
    if (length < sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr)) {
      EXPECT_TRUE(ending.exited(refused) || WIFSIGNALED(ending.status)) << length << ": " << ending;
    }
  }
  EXPECT_TRUE(run_bytes(bytes).exited(42));
}

TEST_F(Elf, SegmentsInImpossiblePlaces) {
  for (const std::uint64_t address :
       {0xffff'8000'0000'0000UL, 0xffff'ffff'ffff'f000UL, 0x0000'7fff'ffff'f000UL, 0x0000'8000'0000'0000UL, ~0UL}) {
    SmallProgram program;
    program.segment.p_vaddr = address & ~(page_size - 1);
    program.segment.p_memsz = 4 * page_size;
    expect_refused(program, "address");
  }
  SmallProgram unaligned;
  unaligned.segment.p_vaddr = base + 1;
  expect_refused(unaligned, "not congruent");
}

TEST_F(Elf, SizesThatOverflow) {
  for (const std::uint64_t size : {~0UL, 1UL << 63, (1UL << 47) - base, 1UL << 46}) {
    SmallProgram program;
    program.segment.p_memsz = size;
    expect_refused(program, "memory size");
    program.segment.p_filesz = size;
    expect_refused(program, "file size");
  }
  SmallProgram program;
  program.segment.p_memsz = 10;  // below the file size
  expect_refused(program, "memory below file");
}

TEST_F(Elf, OffsetsOutsideTheFile) {
  for (const std::uint64_t offset : {1UL << 20, 1UL << 62, ~0UL - 100, ~0UL}) {
    SmallProgram program;
    program.header.e_phoff = offset;
    expect_refused(program, "headers");
    SmallProgram other;
    other.segment.p_offset = offset & ~(page_size - 1);
    expect_refused(other, "segment");
  }
  SmallProgram many;
  many.header.e_phnum = 0xffff;
  expect_refused(many, "number of headers");
}

TEST_F(Elf, WildEntry) {
  for (const std::uint64_t entry : {0UL, 0xffff'8000'0000'0000UL, 0x0000'8000'0000'0000UL, 0x500000UL}) {
    SmallProgram program;
    program.header.e_entry = entry;
    expect_refused(program, "entry");
  }
}

TEST_F(Elf, NotExecutableSegment) {
  SmallProgram program;
  program.segment.p_flags = PF_R | PF_W;
  EXPECT_TRUE(run_program(program).killed_by(SIGSEGV));
}

TEST_F(Elf, WrongInterpreter) {
  SmallProgram program;
  program.segment.p_type = PT_INTERP;  // points at the headers: no path
  program.segment.p_offset = 0;
  expect_refused(program, "interpreter");
  program.segment.p_filesz = 1UL << 40;
  expect_refused(program, "long interpreter");
  program.segment.p_filesz = 0;
  expect_refused(program, "empty interpreter");
}

// A program whose interpreter is the file "interpreter" of the working directory.
struct [[gnu::packed]] InterpretedProgram {
  Elf64_Ehdr header = SmallProgram().header;
  Elf64_Phdr name{};
  Elf64_Phdr segment = SmallProgram().segment;
  char text[12] = "interpreter";

  InterpretedProgram() {
    header.e_phnum = 2;
    name.p_type = PT_INTERP;
    name.p_offset = offsetof(InterpretedProgram, text);
    name.p_filesz = name.p_memsz = sizeof text;
    segment.p_filesz = segment.p_memsz = sizeof(InterpretedProgram);
  }
};

TEST_F(Elf, InterpreterThatIsDamaged) {
  const InterpretedProgram program;
  const auto error_with = [&](std::string_view interpreter) {
    write_file("interpreter", interpreter, 0755);
    EXPECT_TRUE(run_bytes({reinterpret_cast<const char*>(&program), sizeof program}).exited(refused));
    return error;
  };
  const auto bytes_of = [](const SmallProgram& small) {
    return std::string(reinterpret_cast<const char*>(&small), sizeof small);
  };
  SmallProgram other;
  EXPECT_EQ(error_with(""), EIO);
  EXPECT_EQ(error_with("#!/bin/sh\n"), EIO);
  EXPECT_EQ(error_with(bytes_of(other).substr(0, sizeof(Elf64_Ehdr) - 1)), EIO);
  EXPECT_EQ(error_with(bytes_of(other).substr(0, sizeof(Elf64_Ehdr))), ELIBBAD);
  EXPECT_EQ(error_with(std::string(1000, 't')), ELIBBAD);
  other.header.e_machine = EM_AARCH64;
  EXPECT_EQ(error_with(bytes_of(other)), ELIBBAD);
  other = SmallProgram();
  other.header.e_phoff = 1UL << 20;
  EXPECT_EQ(error_with(bytes_of(other)), ELIBBAD);

  InterpretedProgram outside;
  outside.name.p_offset = 1UL << 20;
  EXPECT_TRUE(run_bytes({reinterpret_cast<const char*>(&outside), sizeof outside}).exited(refused));
  EXPECT_EQ(error, EIO);
}

TEST_F(Elf, EachHeaderByteChanged) {
  // Whatever one byte does to the program: it runs, is refused or dies; and the next one is run all the same.
  for (std::size_t at = 0; at < offsetof(SmallProgram, code); ++at) {
    for (const unsigned char change : {0x01, 0x80, 0xff}) {
      SmallProgram program;
      reinterpret_cast<unsigned char*>(&program)[at] ^= change;
      const Ending ending = run_program(program);
      ASSERT_TRUE(WIFEXITED(ending.status) || WIFSIGNALED(ending.status)) << at << ": " << ending;
    }
  }
  EXPECT_TRUE(run_program({}).exited(42));
}

TEST_F(Elf, RandomHeaders) {
  std::mt19937_64 random(20'240'601);
  for (int round = 0; round < 300; ++round) {
    SmallProgram program;
    auto* bytes = reinterpret_cast<unsigned char*>(&program);
    for (int changes = 1 + static_cast<int>(random() % 6); changes > 0; --changes) {
      bytes[16 + random() % (offsetof(SmallProgram, code) - 16)] = static_cast<unsigned char>(random());
    }
    const Ending ending = run_program(program);
    ASSERT_TRUE(WIFEXITED(ending.status) || WIFSIGNALED(ending.status)) << ending;
  }
  EXPECT_TRUE(run_program({}).exited(42));
}

TEST_F(Elf, RandomBytesAreNotAProgram) {
  std::mt19937_64 random(77);
  for (int round = 0; round < 50; ++round) {
    std::string bytes(1 + random() % 5000, 0);
    for (char& byte : bytes) byte = static_cast<char>(random());
    const Ending ending = run_bytes(bytes);
    EXPECT_TRUE(ending.exited(refused)) << ending;
  }
}

TEST_F(Elf, PositionIndependentWithoutInterpreter) {
  SmallProgram program;  // a static-pie program: the kernel chooses the place
  program.header.e_type = ET_DYN;
  program.header.e_entry -= base;
  program.segment.p_vaddr = program.segment.p_paddr = 0;
  EXPECT_TRUE(run_program(program).exited(42));
}

TEST_F(Elf, MemoryBehindTheFileIsZero) {
  // mov edi, [behind the file, same page]; add edi, [pages behind]; add edi, 9; mov eax, 60; syscall
  struct [[gnu::packed]] {
    SmallProgram small;
    unsigned char code[26];
    unsigned char rest[20];
  } program{};
  const std::uint32_t near = base + sizeof program;
  const std::uint32_t far = base + 3 * page_size + 8;
  unsigned char code[26] = {0x8b, 0x3c, 0x25, 0,    0, 0,    0,  0x03, 0x3c, 0x25, 0,    0,
                            0,    0,    0x83, 0xc7, 9, 0xb8, 60, 0,    0,    0,    0x0f, 0x05};
  memcpy(code + 3, &near, 4);
  memcpy(code + 10, &far, 4);
  memcpy(program.code, code, sizeof code);
  memset(program.rest, 0xff, sizeof program.rest);
  program.small.header.e_entry = base + sizeof(SmallProgram);
  program.small.segment.p_flags = PF_R | PF_W | PF_X;
  program.small.segment.p_filesz = sizeof program;
  program.small.segment.p_memsz = 4 * page_size;
  std::string bytes(reinterpret_cast<const char*>(&program), sizeof program);
  bytes += std::string(3 * page_size, 'x');  // what the file has behind the segment must not show
  EXPECT_TRUE(run_bytes(bytes).exited(9));
}

}  // namespace
}  // namespace cv6::guest
