// Which of QEMU's accelerators the machine runs on. KVM is used only where a small guest has really run under it, in
// the same QEMU with the same processor model: a /dev/kvm that can be opened, and even runs code, may still be one
// that QEMU cannot work with, or hang, as in some nested machines.
#pragma once

#include <filesystem>

namespace cv6::host {

enum class Accelerator { kvm, tcg };

// `probe` is the guest to try (kvm_probe.S). The answer is kept in `memory`, a file, for as long as this machine has
// not been started again; finding it takes a tenth of a second, or two seconds where KVM hangs.
Accelerator choose_accelerator(const std::filesystem::path& probe, const std::filesystem::path& memory);

}  // namespace cv6::host
