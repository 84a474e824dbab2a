#include "task/proc/mount_text.hpp"

#include "fs/mount.hpp"

namespace cv6::proc {

namespace {

// Fields are separated by blanks, so blanks inside are written as octal numbers.
void print_field(Output& out, std::string_view text) {
  for (char c : text) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\\' || c == '#')
      print(out, "\\{:03o}", static_cast<unsigned>(c));
    else
      out.write({&c, 1});
  }
}

void print_options(Output& out, std::uint32_t flags) {
  struct Option {
    std::uint32_t flag;
    std::string_view name;
  };
  static constexpr Option options[] = {
      {mount_flag::no_set_id, ",nosuid"},       {mount_flag::no_devices, ",nodev"},
      {mount_flag::no_execute, ",noexec"},      {mount_flag::synchronous, ",sync"},
      {mount_flag::no_access_time, ",noatime"}, {mount_flag::relative_access_time, ",relatime"},
  };
  out.write(flags & mount_flag::read_only ? "ro" : "rw");
  for (const Option& option : options)
    if (flags & option.flag) out.write(option.name);
}

}  // namespace

void print_mounts_line(Output& out, const MountFacts& facts) {
  print_field(out, facts.source);
  out.write(" ");
  print_field(out, facts.place);
  print(out, " {} ", facts.type);
  print_options(out, facts.flags);
  out.write(" 0 0\n");
}

void print_mountinfo_line(Output& out, const MountFacts& facts) {
  print(out, "{} {} {}:{} / ", facts.id, facts.parent, device_major(facts.device), device_minor(facts.device));
  print_field(out, facts.place);
  out.write(" ");
  print_options(out, facts.flags);
  print(out, " - {} ", facts.type);
  print_field(out, facts.source);
  out.write(facts.flags & mount_flag::read_only ? " ro\n" : " rw\n");
}

}  // namespace cv6::proc
