// Linux, booted directly by QEMU with an initramfs of busybox and the programs that measure.
#pragma once

#include "common/files.hpp"
#include "linux_kernel.hpp"
#include "system.hpp"

namespace cv6::bench {

class LinuxSystem final : public System {
 public:
  LinuxSystem(LinuxFiles files, Programs programs) : files_(std::move(files)), programs_(std::move(programs)) {}

  /// The options of machine and kernel, as one text: figures that were measured with others do not compare.
  static std::string options();

  Outcome<> run_program(const Setup& setup, const std::vector<std::string>& command, const LineReader& reader) override;
  Outcome<> run_init(const std::string& program, const LineReader& reader) override;
  Outcome<bool> shell_works(unsigned megabytes) override;

 private:
  /// A root to boot, as an archive in a folder that goes with it.
  struct Root {
    host::ScratchFolder folder;
    std::filesystem::path archive;
  };

  /// What a root has besides busybox and the programs that measure: what containers need is large.
  enum class Contents { programs, with_containers };

  /// `init` is the text of /init, a shell script.
  [[nodiscard]] Outcome<Root> make_root(std::string_view init, Contents contents) const;
  [[nodiscard]] std::vector<std::string> machine(const Setup& setup, const Root& root, std::string_view init) const;

  LinuxFiles files_;
  Programs programs_;
};

}  // namespace cv6::bench
