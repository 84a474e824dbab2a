// Structures and numbers of the calls on sockets, as x86-64 programs lay them out (Linux UAPI: linux/socket.h, linux/un.h,
// asm-generic/socket.h; socket(2), recvmsg(2), cmsg(3), unix(7), socket(7)).
#pragma once

#include <cstddef>
#include <cstdint>

namespace cv6::linux_abi {

inline constexpr int family_unspecified = 0, family_unix = 1, family_limit = 46;

inline constexpr unsigned sock_type_mask = 0xf, sock_nonblock = 04000, sock_cloexec = 02000000;
inline constexpr unsigned sock_raw = 3, sock_type_limit = 11;

struct SockaddrUn {
  std::uint16_t family;
  char path[108];
};
inline constexpr std::size_t sockaddr_path = offsetof(SockaddrUn, path);
inline constexpr int sockaddr_storage_size = 128;

struct MessageHeader {  // struct msghdr
  std::uint64_t name;
  std::int32_t name_size;
  std::int32_t padding;
  std::uint64_t pieces;
  std::uint64_t piece_count;
  std::uint64_t control;
  std::uint64_t control_size;
  std::uint32_t flags;
  std::int32_t padding_at_end;
};
static_assert(sizeof(MessageHeader) == 56);

struct ManyMessageHeader {  // struct mmsghdr
  MessageHeader header;
  std::uint32_t size;
  std::uint32_t padding;
};
static_assert(sizeof(ManyMessageHeader) == 64);

struct ControlHeader {  // struct cmsghdr
  std::uint64_t size;   // with the header
  std::int32_t level;
  std::int32_t type;
};
static_assert(sizeof(ControlHeader) == 16);
constexpr std::size_t control_aligned(std::size_t size) { return (size + 7) & ~std::size_t{7}; }

inline constexpr int sol_socket = 1, scm_rights = 1, scm_credentials = 2;

struct SocketCredentials {  // struct ucred
  std::int32_t pid;
  std::uint32_t user, group;
};

struct Linger {
  std::int32_t on, seconds;
};

inline constexpr unsigned msg_oob = 1, msg_peek = 2, msg_ctrunc = 8, msg_trunc = 0x20, msg_dontwait = 0x40, msg_waitall = 0x100,
                          msg_nosignal = 0x4000, msg_waitforone = 0x10000, msg_cmsg_cloexec = 0x40000000;

enum SocketOption : int {
  so_debug = 1, so_reuseaddr = 2, so_type = 3, so_error = 4, so_dontroute = 5, so_broadcast = 6, so_sndbuf = 7, so_rcvbuf = 8,
  so_keepalive = 9, so_oobinline = 10, so_linger = 13, so_reuseport = 15, so_passcred = 16, so_peercred = 17, so_rcvlowat = 18, so_sndlowat = 19,
  so_rcvtimeo = 20, so_sndtimeo = 21, so_acceptconn = 30, so_sndbufforce = 32, so_rcvbufforce = 33, so_protocol = 38,
  so_domain = 39, so_peek_off = 42, so_peergroups = 59, so_rcvtimeo_new = 66, so_sndtimeo_new = 67,
};

}  // namespace cv6::linux_abi
