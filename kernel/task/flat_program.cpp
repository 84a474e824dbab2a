#include "task/flat_program.hpp"

#include <algorithm>

namespace cv6 {

namespace {

constexpr Protection everything{.read = true, .write = true, .execute = true};
constexpr std::uintptr_t most_image = flat_program_end - 2 * page_size;  // guard page, stack

Result<void> map_pages(AddressSpace& space, std::uintptr_t start, std::uint64_t length, std::string_view name) {
  MapRequest request;
  request.address = start;
  request.lowest = 0;
  request.length = length;
  request.place = MapRequest::Place::fixed_no_replace;
  request.protection = everything;
  request.name = name;
  TRY(space.map(request));
  return space.advise(start, length, AddressSpace::Advice::populate_write);
}

Result<void> copy_segment(const Process& process, AddressSpace& space, File& file, const ElfSegment& segment,
                          std::span<char> buffer) {
  const std::uint64_t size = segment.file_end - segment.start;
  for (std::uint64_t done = 0; done < size;) {
    if ((done >> page_shift) % 64 == 0) {
      sched::maybe_yield();
      if (process.ending()) return Error::intr;
    }
    const std::span<char> piece = buffer.first(std::min<std::uint64_t>(buffer.size(), size - done));
    if (TRY(read_program(file, segment.file_start + done, piece)) != piece.size()) return Error::noexec;
    TRY(space.write_memory(segment.start + done, std::as_bytes(std::span<const char>(piece))));
    done += piece.size();
  }
  return {};
}

}  // namespace

Result<Own<ElfFile>> read_flat_program(Ref<File> file, std::string_view head) {
  Own<ElfFile> elf = TRY(make_own<ElfFile>());
  elf->header = TRY(parse_elf32_header(head));
  const std::size_t count = elf->header.program_header_count;
  Own<Elf32ProgramHeader[]> narrow(new (std::nothrow) Elf32ProgramHeader[count]);
  Own<ElfProgramHeader[]> headers(new (std::nothrow) ElfProgramHeader[count]);
  if (!narrow || !headers) return Error::nomem;
  const std::span<char> bytes(reinterpret_cast<char*>(narrow.get()), count * sizeof(Elf32ProgramHeader));
  if (TRY(read_program(*file, elf->header.program_headers, bytes)) != bytes.size()) return Error::noexec;
  std::ranges::transform(std::span(narrow.get(), count), headers.get(), &Elf32ProgramHeader::widened);
  elf->plan = TRY(plan_flat_elf({headers.get(), count}, file->inode().size(), most_image));
  elf->file = std::move(file);
  return elf;
}

Result<void> map_flat_program(ProgramImage& image, Process& process, std::size_t stack_needed) {
  if (stack_needed > page_size) return Error::toobig;
  image.address_space = TRY(AddressSpace::create(Ref<GuestMemory>(&process.container().memory())));
  AddressSpace& space = *image.address_space;
  space.set_limits(address_space_limits(process.limits));
  const ElfPlan& plan = image.program->plan;
  const std::uintptr_t stack = plan.highest + page_size;
  image.stack_top = stack + page_size;
  TRY(map_pages(space, 0, plan.highest, {}));
  TRY(map_pages(space, stack, page_size, "[stack]"));
  space.set_heap_start(image.stack_top, everything);
  Own<char[]> buffer(new (std::nothrow) char[page_size]);
  if (!buffer) return Error::nomem;
  for (unsigned i = 0; i < plan.segment_count; ++i)
    TRY(copy_segment(process, space, *image.program->file, plan.segments[i], {buffer.get(), page_size}));
  return {};
}

}  // namespace cv6
