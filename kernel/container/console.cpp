#include "container/console.hpp"

#include <algorithm>
#include <cstring>

#include "fs/real_time.hpp"
#include "mm/payer.hpp"

namespace cv6 {

void ContainerConsole::copy_in(std::uint64_t position, const void* from, std::size_t size) {
  const std::size_t at = position & (ring_.count() - 1);
  const std::size_t first = std::min<std::size_t>(size, ring_.count() - at);
  std::memcpy(ring_.as<char>() + at, from, first);
  std::memcpy(ring_.as<char>(), static_cast<const char*>(from) + first, size - first);
}

void ContainerConsole::copy_out(std::uint64_t position, void* to, std::size_t size) {
  const std::size_t at = position & (ring_.count() - 1);
  const std::size_t first = std::min<std::size_t>(size, ring_.count() - at);
  std::memcpy(to, ring_.as<char>() + at, first);
  std::memcpy(static_cast<char*>(to) + first, ring_.as<char>(), size - first);
}

void ContainerConsole::drop_oldest() {
  Entry entry;
  copy_out(start_, &entry, sizeof entry);
  start_ += space_for(entry.size);
}

// A ring with room for `wanted` more bytes, or of the greatest size. False: no memory, and there is no ring at all.
bool ContainerConsole::grow(std::size_t wanted, GuestMemory& payer) {
  std::uint64_t size;
  {
    SpinGuard guard(lock_);
    size = ring_.count();
    if (size == most_bytes || (size && end_ - start_ + wanted <= size)) return true;
  }
  auto larger = ChargedArray::create(size ? size * 2 : page_size, 1, payer);
  SpinGuard guard(lock_);
  if (!larger) return ring_.count() != 0;
  if (larger->count() <= ring_.count()) return true;  // somebody else was quicker
  ring_.swap(*larger);
  for (std::uint64_t at = start_; at < end_; ++at)
    ring_.as<char>()[at & (ring_.count() - 1)] = larger->as<char>()[at & (larger->count() - 1)];
  return true;
}

void ContainerConsole::append(Stream stream, std::span<const char> text, GuestMemory& payer) {
  if (text.empty()) return;
  const std::uint64_t space = space_for(text.size());
  if (!grow(space, payer)) return;
  {
    SpinGuard guard(lock_);
    if (!ring_.count()) return;  // it has been let go of
    while (end_ - start_ + space > ring_.count()) drop_oldest();
    const Entry entry{real_time_now(), static_cast<std::uint32_t>(text.size()), stream};
    copy_in(end_, &entry, sizeof entry);
    copy_in(end_ + sizeof entry, text.data(), text.size());
    end_ += space;
  }
  readers_.wake_all();
}

bool ContainerConsole::print(std::string_view line, GuestMemory& payer) {
  append(Stream::kernel, line, payer);
  const Ref<File> file = attached();
  if (!file) return false;
  if (!(file->poll(nullptr) & poll_event::writable)) return true;
  IoBuffer text = IoBuffer::kernel(line);
  (void)file->write(text);
  return true;
}

Ref<File> ContainerConsole::attached() {
  return attached_.with([](Ref<File>& file) { return file; });
}
void ContainerConsole::attach(Ref<File> file) {
  attached_.with([&](Ref<File>& now) { std::swap(now, file); });
}

void ContainerConsole::detach(const File& file) {
  Ref<File> gone;
  attached_.with([&](Ref<File>& now) {
    if (now.get() == &file) std::swap(now, gone);
  });
}

Ref<Pty> ContainerConsole::terminal() {
  return terminal_.with([](Ref<Pty>& terminal) { return terminal; });
}

Result<Ref<Pty>> ContainerConsole::make_terminal(FileSystem& names, GuestMemory& payer) {
  replace_terminal(nullptr);  // its number is free again
  Ref<Pty> terminal;
  {
    const payer::Scope paid_by(payer.as_payer());
    terminal = TRY(Pty::create(names));
  }
  terminal_payer_ = &payer;
  terminal->link().set_listener(*this);
  terminal->set_lock(Pty::Lock::open);
  replace_terminal(terminal);
  return terminal;
}

// Of two at a time, one stays.
void ContainerConsole::replace_terminal(Ref<Pty> terminal) {
  terminal_.with([&](Ref<Pty>& now) { std::swap(now, terminal); });
  if (terminal) terminal->close_master();
}

void ContainerConsole::output(std::span<const char> text) { append(Stream::output, text, *terminal_payer_); }

bool ContainerConsole::read(std::uint64_t& position, Entry& entry, std::span<char> to, std::uint64_t& lost) {
  SpinGuard guard(lock_);
  const std::uint64_t at = std::max(position, start_);
  if (at >= end_) return false;
  copy_out(at, &entry, sizeof entry);
  if (entry.size > to.size()) return false;
  copy_out(at + sizeof entry, to.data(), entry.size);
  lost += at - position;
  position = at + space_for(entry.size);
  return true;
}

std::uint64_t ContainerConsole::end() {
  SpinGuard guard(lock_);
  return end_;
}

void ContainerConsole::let_go() {
  attach({});
  replace_terminal({});
  ChargedArray ring;
  {
    SpinGuard guard(lock_);
    ring_.swap(ring);
    start_ = end_;
  }
  readers_.wake_all();
}

}  // namespace cv6
