// /proc/sys, sysctl(8): what has a meaning here. All of it is told, and of it the names are for changing: of the
// container of whoever writes.
#include "fs/device.hpp"
#include "fs/pipe.hpp"
#include "lib/version.hpp"
#include "task/proc/subject.hpp"
#include "task/proc/system_files.hpp"
#include "task/proc/system_text.hpp"
#include "task/resource_limits.hpp"

namespace cv6::proc {

namespace {

constinit std::byte boot_id[16]{};

Result<std::string_view> name_from(std::string_view text) {
  text = text.substr(0, text.find('\n'));
  if (!Process::current().credentials().privileged()) return Error::perm;
  if (text.size() > Container::hostname_size) return Error::inval;
  return text;
}

Result<void> store_hostname(std::string_view text) {
  viewer().set_hostname(TRY(name_from(text)));
  return {};
}

Result<void> store_domainname(std::string_view text) {
  viewer().set_domainname(TRY(name_from(text)));
  return {};
}

// A line that is always the same.
template <Name text>
Result<void> constant(TextBuffer& out) {
  print(out, "{}\n", text.view());
  return {};
}
template <std::uint64_t value>
Result<void> number(TextBuffer& out) {
  print(out, "{}\n", value);
  return {};
}

constexpr TextFileEntry kernel_entries[] = {
    {"cap_last_cap", number<40>},
    {"domainname",
     [](TextBuffer& out) -> Result<void> {
       print(out, "{}\n", viewer().domainname());
       return {};
     },
     0644, store_domainname},
    {"hostname",
     [](TextBuffer& out) -> Result<void> {
       print(out, "{}\n", viewer().hostname());
       return {};
     },
     0644, store_hostname},
    {"ngroups_max", number<GroupSet::maximum>},
    {"osrelease",
     [](TextBuffer& out) -> Result<void> {
       print(out, "{}\n", version::release);
       return {};
     }},
    {"ostype",
     [](TextBuffer& out) -> Result<void> {
       print(out, "{}\n", version::system);
       return {};
     }},
    {"overflowgid", number<65534>},
    {"overflowuid", number<65534>},
    {"pid_max", number<PidTable::maximum + 1>},
    {"printk", constant<"7\t4\t1\t7">},
    {"randomize_va_space", number<2>},
    {"threads-max", number<PidTable::maximum>},
    {"version",
     [](TextBuffer& out) -> Result<void> {
       print(out, "{}\n", version::text);
       return {};
     }},
};

constexpr TextFileEntry random_entries[] = {
    {"boot_id",
     [](TextBuffer& out) -> Result<void> {
       print_uuid(out, boot_id);
       return {};
     }},
    {"entropy_avail", number<256>},
    {"poolsize", number<256>},
    {"uuid",
     [](TextBuffer& out) -> Result<void> {
       std::byte bytes[16];
       random_bytes(bytes);
       print_uuid(out, bytes);
       return {};
     }},
};

constexpr TextFileEntry fs_entries[] = {
    {"file-max", number<INT64_MAX>},
    {"mount-max", number<Mount::most_in_tree>},
    {"nr_open", number<open_files_ceiling>},
    {"pipe-max-size", number<pipe_max_capacity>},
};

constexpr TextFileEntry vm_entries[] = {
    {"max_map_count", number<AddressSpace::most_mappings>},
    {"overcommit_memory", number<1>},  // a mapping is never refused for what it might become
};

}  // namespace

Result<void> add_sys_directory(SyntheticDirectory& root) {
  random_bytes(boot_id);
  Ref<SyntheticDirectory> sys = TRY(root.add_directory("sys"));
  Ref<SyntheticDirectory> kernel = TRY(sys->add_directory("kernel"));
  TRY(add_text_files(*kernel, kernel_entries));
  TRY(add_text_files(*TRY(kernel->add_directory("random")), random_entries));
  TRY(add_text_files(*TRY(sys->add_directory("fs")), fs_entries));
  TRY(add_text_files(*TRY(sys->add_directory("vm")), vm_entries));
  return {};
}

}  // namespace cv6::proc
