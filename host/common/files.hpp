// File descriptors with an owner, and the few whole-file operations that the tools share.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "common/outcome.hpp"

namespace cv6::host {

// Owns one descriptor; closes it when it goes.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() { close(); }

  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] bool open() const { return number_ >= 0; }
  void close();

 private:
  int number_ = -1;
};

// A folder under $TMPDIR (or /tmp) that is removed with its contents, unless kept.
class ScratchFolder {
 public:
  static Outcome<ScratchFolder> create();
  ScratchFolder(ScratchFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ScratchFolder& operator=(ScratchFolder&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
  }
  ~ScratchFolder();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  void keep() { path_.clear(); }

 private:
  explicit ScratchFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

Outcome<Descriptor> open_to_read(const std::filesystem::path& path);
Outcome<Descriptor> create_file(const std::filesystem::path& path);

// Writes all of `bytes`, resuming after signals and short writes. False with errno set when that is impossible.
bool write_all(int descriptor, std::span<const std::byte> bytes);
bool write_all(int descriptor, std::string_view text);

// Reads until `bytes` is full or the input ends; returns how many came. -1 with errno set on an error.
ssize_t read_full(int descriptor, std::span<std::byte> bytes);

// Appends all of `from` to what is already in `to`.
Outcome<> append_file(int to, const std::filesystem::path& name_of_to, const std::filesystem::path& from);

Outcome<std::string> read_text(const std::filesystem::path& path);

}  // namespace cv6::host
