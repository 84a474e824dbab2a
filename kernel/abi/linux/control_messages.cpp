#include "abi/linux/control_messages.hpp"

#include <algorithm>
#include <cstring>

namespace cv6::linux_abi {

namespace {

constexpr std::uint64_t largest_control = 131072;  // /proc/sys/net/core/optmem_max
constexpr std::uint32_t nobody = 65534;            // /proc/sys/kernel/overflowuid

template <class T>
T value_at(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

// --- sending ---------------------------------------------------------------------------------------------------------

Result<void> add_files(const Context& context, std::span<const char> numbers, SendRequest& request) {
  const std::size_t count = numbers.size() / sizeof(int);
  if (count == 0) return {};
  if (count > PassedFiles::most) return Error::inval;
  if (!request.files) request.files = TRY(make_own<PassedFiles>());
  request.container = context.process.container_ref();
  for (std::size_t i = 0; i < count; ++i) {
    auto file = TRY(context.process.files().use(value_at<int>(numbers.data() + i * sizeof(int))));
    TRY(request.files->add(file.ref()));
  }
  return {};
}

// A process says of itself what it is; root says what it likes.
bool may_say(const Context& context, const SocketCredentials& said) {
  const Credentials& own = context.process.credentials();
  if (own.privileged()) return true;
  const Identities& ids = own.ids();
  const auto is_one_of = [](std::uint32_t id, auto... known) { return ((id == known) || ...); };
  return said.pid == context.process.number() && is_one_of(said.user, ids.user, ids.effective_user, ids.saved_user) &&
         is_one_of(said.group, ids.group, ids.effective_group, ids.saved_group);
}

Result<void> set_credentials(const Context& context, std::span<const char> bytes, SendRequest& request) {
  if (bytes.size() != sizeof(SocketCredentials)) return Error::inval;
  const auto said = value_at<SocketCredentials>(bytes.data());
  if (!may_say(context, said)) return Error::perm;
  Ref<Pid> pid = context.process.pid();
  if (said.pid != context.process.number()) pid = said.pid > 0 ? context.container.pids().find(said.pid) : nullptr;
  if (!pid) return Error::srch;
  request.credentials = {std::move(pid), said.user, said.group};
  return {};
}

}  // namespace

Result<void> read_control(const Context& context, std::uint64_t address, std::uint64_t size, SendRequest& request) {
  if (size < sizeof(ControlHeader)) return {};
  if (size > largest_control) return Error::nobufs;
  Vector<char> control;
  TRY(control.resize(size));
  TRY(UserPtr<char>(address).read_array(control));
  for (std::size_t at = 0; size - at >= sizeof(ControlHeader);) {
    const auto header = value_at<ControlHeader>(control.data() + at);
    if (header.size < sizeof header || header.size > size - at) return Error::inval;
    const std::span<const char> data(control.data() + at + sizeof header, header.size - sizeof header);
    if (header.level == sol_socket) {
      if (header.type == scm_rights)
        TRY(add_files(context, data, request));
      else if (header.type == scm_credentials)
        TRY(set_credentials(context, data, request));
      else
        return Error::inval;
    }
    if (control_aligned(header.size) > size - at) break;
    at += control_aligned(header.size);
  }
  return {};
}

// --- receiving -------------------------------------------------------------------------------------------------------

namespace {

class ControlWriter {
 public:
  ControlWriter(std::uint64_t address, std::uint64_t size) : address_(address), left_(address ? size : 0) {}

  // Of a fixed size; what does not fit is cut.
  template <class T>
  Result<void> put(int type, const T& value) {
    if (left_ < sizeof(ControlHeader)) {
      cut_ = true;
      return {};
    }
    const std::size_t room = left_ - sizeof(ControlHeader);
    cut_ |= room < sizeof value;
    if (arch::copy_to_user(data(), &value, std::min(room, sizeof value)) != 0) return Error::fault;
    return finish(type, std::min(room, sizeof value));
  }

  // Descriptors for as many files as there is room for, and as the process may have.
  Result<void> put_files(const Context& context, PassedFiles& files, CloseOnExec close_on_exec) {
    const std::size_t room = left_ < sizeof(ControlHeader) ? 0 : (left_ - sizeof(ControlHeader)) / sizeof(int);
    const std::size_t most = std::min<std::size_t>(files.count(), room);
    std::size_t given = 0;
    while (given < most && give(context, files[static_cast<unsigned>(given)], given, close_on_exec)) ++given;
    cut_ |= given < files.count();
    if (given == 0) return {};
    return finish(scm_rights, given * sizeof(int));
  }

  ControlWritten written() const { return {used_, cut_}; }

 private:
  std::uintptr_t data() const { return address_ + used_ + sizeof(ControlHeader); }

  bool give(const Context& context, Ref<File>& file, std::size_t index, CloseOnExec close_on_exec) {
    DescriptorTable& table = context.process.files();
    const auto number = table.add(std::move(file), close_on_exec, context.process.open_files_limit());
    if (!number) return false;
    if (UserPtr<int>(data() + index * sizeof(int)).write(*number)) return true;
    (void)table.remove(*number);
    return false;
  }

  Result<void> finish(int type, std::size_t size) {
    const ControlHeader header{sizeof header + size, sol_socket, type};
    TRY(UserPtr<ControlHeader>(address_ + used_).write(header));
    const std::size_t step = std::min(left_, control_aligned(header.size));
    used_ += step;
    left_ -= step;
    return {};
  }

  std::uint64_t address_;
  std::uint64_t left_;
  std::uint64_t used_ = 0;
  bool cut_ = false;
};

}  // namespace

Result<ControlWritten> write_control(const Context& context, const UnixSocket& socket, Reception& reception,
                                     std::uint64_t address, std::uint64_t size, CloseOnExec close_on_exec) {
  ControlWriter writer(address, size);
  if (reception.has_message && socket.pass_credentials.load(std::memory_order_relaxed)) {
    const SenderIds& sender = reception.sender;
    TRY(writer.put(scm_credentials, sender.pid ? SocketCredentials{sender.pid->number_in(context.container), sender.user, sender.group}
                                               : SocketCredentials{0, nobody, nobody}));
  }
  if (reception.files) TRY(writer.put_files(context, *reception.files, close_on_exec));
  return writer.written();
}

}  // namespace cv6::linux_abi
