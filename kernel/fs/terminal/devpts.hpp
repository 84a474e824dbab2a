// devpts: the names of pseudo terminals (pty.hpp). Private to fs/terminal.
//
//   ptmx     opening it makes a new pty; the open file is its master
//   0, 1 ... the terminals, lowest free number first
#pragma once

#include "fs/synthetic.hpp"
#include "fs/terminal/pty.hpp"

namespace cv6 {

class PtyFileSystem final : public SyntheticFileSystem {
 public:
  static constexpr std::uint32_t most = 4096;  // ptys of one instance

  PtyFileSystem();
  static PtyFileSystem* of(FileSystem& file_system);  // null: it is another kind
  InView in_view() const override { return InView::new_instance; }
  Result<Ref<Dentry>> make_instance() override { return devpts::create(); }

  // The lowest free number is the pty's from now on. Error::nospc.
  Result<void> enlist(Pty& pty);
  void remove(Pty& pty);
  enum class Named : std::uint8_t { no, yes };
  void set_named(Pty& pty, Named named);

  // What ptmx stands for: made when somebody looks for it first, for most instances nobody does.
  Result<Ref<Inode>> master_node();
  void last_unmounted() override;
  // What the name of that number stands for.
  Result<Ref<Inode>> make_node(std::uint32_t number);

  // One that has a name; null: none.
  Ref<Pty> find(std::uint32_t number);
  // The one with the lowest number from `number` on.
  Ref<Pty> find_from(std::uint32_t number);

 private:
  SpinLock lock_{Rank::inode};
  List<Pty, &Pty::instance_node> ptys_ GUARDED_BY(lock_);  // by number
  Ref<Inode> master_node_ GUARDED_BY(lock_);               // which holds the instance: dropped with the last mount
};

// Opens /dev/pts/ptmx.
Result<Ref<File>> open_pty_master(Inode& node);

inline constexpr DeviceNumber ptmx_device = make_device(5, 2);
inline constexpr std::uint32_t slave_major = 136;

}  // namespace cv6
