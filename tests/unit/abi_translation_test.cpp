// Values between programs and the kernel: decoded arguments, times, device numbers, file status, wait status, signals,
// and where a signal frame is put.
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include <limits>

#include <gtest/gtest.h>

#include "abi/decode.hpp"
#include "abi/linux/file_status.hpp"
#include "abi/linux/signal_frame.hpp"
#include "abi/linux/signal_types.hpp"
#include "abi/linux/times.hpp"
#include "task/process.hpp"

namespace cv6 {
namespace {

using namespace linux_abi;

TEST(DecodeTest, OnlyTheLowHalfOfAnIntCounts) {
  constexpr std::uint64_t raw = 0xdeadbeef'ffffff9c;  // -100 with dirt above
  EXPECT_EQ(abi::Decoder<int>::decode(raw), -100);
  EXPECT_EQ(abi::Decoder<abi::Descriptor>::decode(raw).number, -100);
  EXPECT_EQ(abi::Decoder<unsigned>::decode(raw), 0xffffff9cu);
  EXPECT_EQ(abi::Decoder<abi::Flags>::decode(raw).bits, 0xffffff9cu);
  EXPECT_EQ(abi::Decoder<long>::decode(raw), static_cast<long>(raw));
  EXPECT_EQ(abi::Decoder<UserPtr<int>>::decode(raw).address(), raw);
}

using Example = Result<long>(Context&, abi::Descriptor, UserString, abi::Flags, abi::FileMode);

TEST(DecodeTest, KindsFollowTheSignature) {
  using abi::ArgumentKind;
  constexpr auto kinds = abi::HandlerTraits<Example*>::kinds;
  constexpr std::array<ArgumentKind, 6> expected = {ArgumentKind::descriptor, ArgumentKind::path, ArgumentKind::flags,
                                                    ArgumentKind::mode, ArgumentKind::none, ArgumentKind::none};
  EXPECT_EQ(kinds, expected);
}

TEST(DecodeTest, ArraysInUserMemoryAreSteppedThroughByElements) {
  const UserPtr<std::uint64_t> array(0x1000);
  EXPECT_EQ((array + 3).address(), 0x1018u);
}

TEST(TimesTest, BeforeTheEpochNanosecondsStayPositive) {
  EXPECT_EQ(timespec_of(-1).tv_sec, -1);
  EXPECT_EQ(timespec_of(-1).tv_nsec, 999'999'999);
  EXPECT_EQ(timespec_of(-nanoseconds_per_second).tv_sec, -1);
  EXPECT_EQ(timespec_of(-nanoseconds_per_second).tv_nsec, 0);
  EXPECT_EQ(timeval_of(1'999).tv_usec, 1);
}

TEST(TimesTest, ThereAndBack) {
  for (const Nanoseconds time : {Nanoseconds{0}, Nanoseconds{1}, Nanoseconds{-5}, Nanoseconds{1'767'225'600'123'456'789}})
    EXPECT_EQ(time_from(timespec_of(time)).value_or(0), time);
}

TEST(TimesTest, NonsenseIsRefusedAndTheFarFutureIsForEver) {
  EXPECT_EQ(time_from(Timespec{0, 1'000'000'000}).error(), Error::inval);
  EXPECT_EQ(time_from(Timespec{0, -1}).error(), Error::inval);
  EXPECT_EQ(time_from(Timeval{0, 1'000'000}).error(), Error::inval);
  EXPECT_EQ(duration_from(Timespec{-1, 0}).error(), Error::inval);
  EXPECT_EQ(duration_from(Timespec{std::numeric_limits<std::int64_t>::max(), 0}).value_or(0), never);
  EXPECT_EQ(deadline_after(5, never), never);
  EXPECT_EQ(deadline_after(5, 7), 12);
}

TEST(DeviceNumberTest, AsMakedevHasThem) {
  for (const auto& [major, minor] : {std::pair{1u, 3u}, {4u, 64u}, {5u, 0u}, {136u, 300u}, {4095u, 0xfffffu}}) {
    const DeviceNumber device = make_device(major, minor);
    EXPECT_EQ(device_to_linux(device), makedev(major, minor));
    EXPECT_EQ(device_from_linux(static_cast<std::uint32_t>(makedev(major, minor))), device);
  }
}

TEST(FileStatusTest, TypesAndTimes) {
  FileStatus status;
  status.type = FileType::symlink;
  status.mode = 0777;
  status.modify_time = 1'500'000'000;
  status.represents = make_device(1, 3);
  status.size = 42;
  const Stat stat = stat_of(status);
  EXPECT_EQ(stat.st_mode, 0120777u);
  EXPECT_EQ(stat.modify_seconds, 1u);
  EXPECT_EQ(stat.modify_nanoseconds, 500'000'000u);
  EXPECT_EQ(stat.st_rdev, makedev(1, 3));
  const Statx statx = statx_of(status);
  EXPECT_EQ(statx.stx_mode, 0120777u);
  EXPECT_EQ(statx.stx_size, 42u);
  EXPECT_EQ(statx.stx_mask & statx_mnt_id, 0u);
  EXPECT_EQ(directory_entry_type(FileType::directory), 4);
  EXPECT_EQ(directory_entry_type(FileType::regular), 8);
}

TEST(WaitStatusTest, AsTheMacrosOfWaitReadIt) {
  const int exited = WaitStatus{WaitStatus::Kind::exited, 7}.encode();
  EXPECT_TRUE(WIFEXITED(exited));
  EXPECT_EQ(WEXITSTATUS(exited), 7);
  const int killed = WaitStatus{WaitStatus::Kind::killed, 11}.encode();
  EXPECT_TRUE(WIFSIGNALED(killed));
  EXPECT_EQ(WTERMSIG(killed), 11);
  const int stopped = WaitStatus{WaitStatus::Kind::stopped, 20}.encode();
  EXPECT_TRUE(WIFSTOPPED(stopped));
  EXPECT_EQ(WSTOPSIG(stopped), 20);
  EXPECT_TRUE(WIFCONTINUED((WaitStatus{WaitStatus::Kind::continued}.encode())));
}

TEST(SignalTypesTest, SiginfoOfEachKind) {
  const Siginfo sent = siginfo_of({.number = 10, .code = 0, .kind = SignalInfo::Kind::sent, .process = 42, .user = 7});
  EXPECT_EQ(sent.si_signo, 10);
  EXPECT_EQ(sent.sent.pid, 42);
  EXPECT_EQ(sent.sent.uid, 7u);
  const Siginfo fault = siginfo_of({.number = 11, .code = 1, .kind = SignalInfo::Kind::fault, .address = 0x1234});
  EXPECT_EQ(fault.fault.address, 0x1234u);
  const SignalInfo back = queued_info_from(34, siginfo_of({.number = 34, .code = -1, .kind = SignalInfo::Kind::queued, .value = 99}));
  EXPECT_EQ(back.value, 99u);
  EXPECT_EQ(back.code, -1);
}

constexpr std::size_t state_bytes = 836;

void expect_well_placed(const FramePlace& place, std::uintptr_t below) {
  EXPECT_TRUE(place.fits);
  EXPECT_EQ((place.frame + 8) % 16, 0u);  // as after a call instruction
  EXPECT_EQ(place.state % 64, 0u);
  EXPECT_LE(place.frame + signal_frame_size, place.state);
  EXPECT_LE(place.state + state_bytes, below);
}

TEST(SignalFrameTest, BelowTheRedZone) {
  for (std::uintptr_t stack = 0x7fff'0000; stack < 0x7fff'0100; ++stack)
    expect_well_placed(place_frame(stack, stack, {}, state_bytes), stack - red_zone_size);
}

TEST(SignalFrameTest, FromTheEndOfTheAlternateStack) {
  const AlternateStack alternate{.base = 0x50000, .size = 8192, .flags = 0};
  expect_well_placed(place_frame(0x52000, 0x7fff'0000, alternate, state_bytes), 0x52000);
}

TEST(SignalFrameTest, TooSmallAnAlternateStack) {
  const AlternateStack alternate{.base = 0x50000, .size = 1024, .flags = 0};
  EXPECT_FALSE(place_frame(0x50400, 0x7fff'0000, alternate, state_bytes).fits);
  // Nested: already on it, and it is nearly full.
  const AlternateStack larger{.base = 0x50000, .size = 8192, .flags = 0};
  EXPECT_FALSE(place_frame(0x50200, 0x50200, larger, state_bytes).fits);
}

TEST(SignalFrameTest, StackPointersThatAreNone) {
  EXPECT_FALSE(place_frame(0, 0, {}, state_bytes).fits);
  EXPECT_FALSE(place_frame(64, 64, {}, state_bytes).fits);
  EXPECT_FALSE(place_frame(~std::uintptr_t{0}, ~std::uintptr_t{0}, {}, state_bytes).fits);
}

}  // namespace
}  // namespace cv6
