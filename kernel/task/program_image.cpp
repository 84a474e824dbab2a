#include "task/program_image.hpp"

#include "arch/user_memory.hpp"
#include "fs/device.hpp"
#include "fs/mapped_file.hpp"
#include "sync/log.hpp"
#include "task/flat_program.hpp"
#include "task/script.hpp"

namespace cv6 {

Result<std::size_t> read_program(File& file, std::uint64_t offset, std::span<char> to) {
  IoBuffer buffer = IoBuffer::kernel(to);
  return file.read_at(buffer, offset);
}

namespace {

struct Head {
  char bytes[program_head_size];
  std::size_t size = 0;
  std::string_view view() const { return {bytes, size}; }
};

Result<void> read_head(File& file, Head& head) {
  if (!file.inode().is_regular()) return Error::acces;
  if (file.path().mount && file.path().mount->flags() & mount_flag::no_execute) return Error::acces;
  head.size = TRY(read_program(file, 0, head.bytes));
  return {};
}

Result<Ref<File>> open_program(const Caller& caller, std::string_view path) {
  return open_file(caller, At{nullptr, path}, {open_flag::read | open_flag::execute, 0});
}

// From a file to the program that runs it: scripts name their interpreter, which may be a script as well.
Result<Ref<File>> follow_scripts(const Caller& caller, Ref<File> file, std::string_view path, ArgumentStrings& arguments,
                                 Head& head) {
  char name[program_head_size];  // of the interpreter, once the head is overwritten
  std::string_view script = path;
  for (unsigned depth = 0;; ++depth) {
    TRY(read_head(*file, head));
    if (!is_script(head.view())) return file;
    if (depth == script_depth_max) return Error::loop;
    const ScriptLine line = TRY(parse_script(head.view()));
    TRY(arguments.replace_first(line.interpreter, line.argument, script));
    file = TRY(open_program(caller, line.interpreter));
    std::memcpy(name, line.interpreter.data(), line.interpreter.size());
    script = {name, line.interpreter.size()};
  }
}

Result<Own<ElfFile>> read_elf(Ref<File> file, std::string_view head) {
  Own<ElfFile> elf = TRY(make_own<ElfFile>());
  elf->header = TRY(parse_elf_header(head));
  Own<ElfProgramHeader[]> headers(new (std::nothrow) ElfProgramHeader[elf->header.program_header_count]);
  if (!headers) return Error::nomem;
  const std::size_t size = elf->header.program_header_count * sizeof(ElfProgramHeader);
  if (elf->header.program_headers > file->inode().size()) return Error::noexec;
  const std::span<char> bytes(reinterpret_cast<char*>(headers.get()), size);
  if (TRY(read_program(*file, elf->header.program_headers, bytes)) != size) return Error::noexec;
  elf->plan = TRY(plan_elf(elf->header, {headers.get(), elf->header.program_header_count}, file->inode().size()));
  elf->file = std::move(file);
  return elf;
}

// Error::libbad: it is not an ELF64 program for x86-64, or not whole. Error::io: it is shorter than a header.
Result<Own<ElfFile>> read_interpreter(const Caller& caller, ElfFile& program) {
  char path[path_max];
  const std::size_t size = program.plan.interpreter_size;
  if (TRY(read_program(*program.file, program.plan.interpreter_offset, {path, size})) != size) return Error::io;
  if (path[size - 1] != '\0') return Error::noexec;
  Ref<File> file = TRY(open_program(caller, std::string_view(path)));
  Head head;
  TRY(read_head(*file, head));
  if (head.size < elf_header_size) return Error::io;
  Result<Own<ElfFile>> elf = read_elf(std::move(file), head.view());
  if (!elf && elf.error() == Error::noexec) return Error::libbad;
  return elf;
}

}  // namespace

Result<ProgramImage> load_program(Container& container, const Caller& caller, Ref<File> file, std::string_view path,
                                  ArgumentStrings& arguments) {
  ProgramImage image;
  Head head;
  file = TRY(follow_scripts(caller, std::move(file), path, arguments, head));
  const bool narrow = is_elf32_i386(head.view());
  image.abi = abi_operations(narrow ? ProgramKind::elf32_i386 : ProgramKind::elf64_x86_64);
  if (!image.abi) return Error::noexec;
  if (narrow) {
    image.shape = ProgramImage::Shape::flat;
    auto program = read_flat_program(file, head.view());
    if (!program && program.error() == Error::noexec && container.may_log())
      log(LogLevel::notice, "{}: a program for 32-bit x86 that is not one of xv6's: those alone are supported", path);
    image.program = TRY(std::move(program));
    arguments.drop_environment();
  } else {
    image.program = TRY(read_elf(file, head.view()));
  }
  if (image.program->plan.interpreter_size) image.interpreter = TRY(read_interpreter(caller, *image.program));
  image.executable = TRY(Executable::create(file->path()));
  return image;
}

std::uintptr_t ProgramImage::entry() const {
  const ElfFile& first = interpreter ? *interpreter : *program;
  return first.header.entry + first.bias;
}

// --- mapping ----------------------------------------------------------------------------------------------------------

namespace {

constexpr std::uintptr_t program_base = 0x555555554000;  // of position-independent ones, plus something random
constexpr unsigned program_base_random_bits = 28;        // in pages
constexpr unsigned stack_random_bits = 22;               // in pages
constexpr std::size_t stack_slack = 128_KiB;

std::uint64_t random_pages(unsigned bits) { return (random_number() >> (64 - bits)) << page_shift; }

Result<void> map_segment(AddressSpace& space, const ElfSegment& segment, std::uintptr_t bias, const Ref<MemoryObject>& object,
                         const Ref<MappedPlace>& found_at) {
  MapRequest request;
  request.place = MapRequest::Place::fixed;
  request.protection = {.read = segment.read, .write = segment.write, .execute = segment.execute};
  const std::uint64_t file_pages_end = page_ceiling(segment.file_end);
  if (file_pages_end > segment.start) {
    request.address = bias + segment.start;
    request.length = file_pages_end - segment.start;
    request.object = object;
    request.found_at = found_at;
    request.offset = segment.file_start;
    TRY(space.map(request));
  }
  const std::uint64_t end = page_ceiling(segment.end);
  if (end <= file_pages_end) return {};
  request.address = bias + file_pages_end;
  request.length = end - file_pages_end;
  request.object = nullptr;
  request.found_at = nullptr;
  request.offset = 0;
  TRY(space.map(request));
  return {};
}

Result<void> map_elf(AddressSpace& space, ElfFile& elf) {
  Ref<MemoryObject> object = TRY(elf.file->memory_object());
  if (!object) return Error::noexec;
  const Ref<MappedPlace> found_at = TRY(make<MappedFile>(elf.file->path()));
  for (unsigned i = 0; i < elf.plan.segment_count; ++i)
    TRY(map_segment(space, elf.plan.segments[i], elf.bias, object, found_at));
  return {};
}

// A free place for something of that size, found by mapping it.
Result<std::uintptr_t> find_place(AddressSpace& space, std::uint64_t length, std::uint64_t alignment) {
  MapRequest request;
  request.length = length + alignment - page_size;
  const std::uintptr_t at = TRY(space.map(request));
  TRY(space.unmap(at, request.length));
  return (at + alignment - 1) & ~(alignment - 1);
}

Result<void> place_program(ElfFile& elf) {
  if (elf.header.kind == ElfHeader::Kind::fixed) return {};
  const std::uint64_t mask = elf.plan.alignment - 1;
  elf.bias = ((program_base + random_pages(program_base_random_bits) + mask) & ~mask) - elf.plan.lowest;
  if (!arch::is_user_range(elf.bias + elf.plan.lowest, elf.plan.highest - elf.plan.lowest)) return Error::nomem;
  return {};
}

Result<void> place_interpreter(AddressSpace& space, ElfFile& elf) {
  if (elf.header.kind == ElfHeader::Kind::fixed) return {};
  const std::uint64_t length = elf.plan.highest - elf.plan.lowest;
  elf.bias = TRY(find_place(space, length, elf.plan.alignment)) - elf.plan.lowest;
  return {};
}

Result<void> map_stack(ProgramImage& image, const ResourceLimits& limits, std::size_t needed) {
  MapRequest request;
  request.length = page_ceiling(needed + stack_slack);
  if (request.length > limits[Resource::stack].soft) request.length = page_ceiling(needed);
  if (request.length > limits[Resource::stack].soft) return Error::toobig;
  image.stack_top = arch::user_end - random_pages(stack_random_bits);
  request.address = image.stack_top - request.length;
  request.place = MapRequest::Place::fixed_no_replace;
  request.protection = {.read = true, .write = true, .execute = image.program->plan.executable_stack};
  request.grows_down = true;
  request.name = "[stack]";
  TRY(image.address_space->map(request));
  return {};
}

Result<void> clear_tails(const ElfFile& elf) {
  for (unsigned i = 0; i < elf.plan.segment_count; ++i) {
    const ElfSegment& segment = elf.plan.segments[i];
    // One that may not be written has nothing there that the program could rely on.
    if (!segment.has_tail() || !segment.write) continue;
    const std::uint64_t end = page_ceiling(segment.file_end);
    if (arch::clear_user(elf.bias + segment.file_end, end - segment.file_end) != 0) return Error::fault;
  }
  return {};
}

}  // namespace

Result<void> map_program(ProgramImage& image, Process& process, std::size_t stack_needed) {
  if (image.shape == ProgramImage::Shape::flat) return map_flat_program(image, process, stack_needed);
  image.address_space = TRY(AddressSpace::create(Ref<GuestMemory>(&process.container().memory())));
  AddressSpace& space = *image.address_space;
  space.set_limits(address_space_limits(process.limits));
  ElfFile& program = *image.program;
  TRY(place_program(program));
  TRY(map_elf(space, program));
  space.set_heap_start(page_ceiling(program.bias + program.plan.brk));
  TRY(map_stack(image, process.limits, stack_needed));
  if (!image.interpreter) return {};
  TRY(place_interpreter(space, *image.interpreter));
  return map_elf(space, *image.interpreter);
}

Result<void> clear_tails(const ProgramImage& image) {
  if (image.shape == ProgramImage::Shape::flat) return {};
  TRY(clear_tails(*image.program));
  if (image.interpreter) TRY(clear_tails(*image.interpreter));
  return {};
}

}  // namespace cv6
