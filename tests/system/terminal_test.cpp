// Terminals of containers that run in the background: box run -d -t, attach, detach.
#include <gtest/gtest.h>

#include "support/console.hpp"

namespace cv6::test {
namespace {

constexpr char detach_keys[] = "\x10\x11";  // ctrl-p ctrl-q

TEST(Terminal, IsAttachedToAndLeftAgain) {
  Guest guest;
  EXPECT_EQ(guest.command("export PS1='cv6# '; box run -d -t --name t -e 'PS1=in% ' sh"), "0\n");
  guest.type("box attach t\r");
  guest.wait_raw();
  guest.type("\r");
  guest.wait_for("in% ");
  guest.type("tty; stty size; echo $((6 * 7)) > /kept\r");
  guest.wait_for("/dev/pts/0\r\n24 80\r\n");
  guest.wait_for("in% ");
  guest.resize(100, 30);
  guest.type("until stty size | grep '30 100'; do :; done\r");
  guest.wait_for("30 100\r\n");
  guest.wait_for("in% ");
  // ^C is for the program inside.
  guest.type("sleep 1000\r");
  guest.wait_for("sleep 1000\r\n");
  guest.type("\003");
  guest.wait_for("in% ");
  guest.type(detach_keys);
  guest.wait_for("cv6# ");
  EXPECT_EQ(guest.command("box exec t cat /kept"), "42\n");
  EXPECT_EQ(guest.command("ls /dev/pts"), "ptmx\n") << "its terminal is not to be seen here";
  guest.type("box attach --detach-keys x,y t\r");
  guest.wait_raw();
  guest.type("echo a\020b > /x; echo le\020ft\r");  // half of the usual keys is nothing special here
  guest.wait_for("left\r\n");
  guest.type("xy");
  guest.wait_for("cv6# ");
  guest.type("box attach t\r");
  guest.wait_raw();
  guest.type("echo last; exit 5\r");
  guest.wait_for("last\r\n");
  guest.wait_for("cv6# ");
  EXPECT_EQ(guest.command("echo $?"), "5\n");
  EXPECT_EQ(guest.command("box logs t | grep -c last"), "2\n");
  // Started again it has a new one.
  EXPECT_EQ(guest.command("box start t; box exec t tty; box inspect t | grep -c '\"terminal\": true'; box rm -f t"),
            "t\nnot a tty\n1\nt\n");
}

TEST(Terminal, NeedsNobodyAtThePrompt) {
  const Completed done = run_shell(R"(
    box create -t --name c sh -c 'test -t 0 && test -t 1 && echo terminal; stty size; echo $TERM; exit 3' </dev/null
    TERM= box start c; box wait c; box logs c | tr -d '\r'
    box run -d -t --name r sh -c 'read line; echo "<$line>"; exit 4' </dev/null
    echo hello | box attach r; echo $?
    box attach r; box attach --detach-keys ctrl-,x r
  )");
  EXPECT_EQ(done.output, "0\nc\n3\nterminal\n0 0\n\n1\nhello\r\n<hello>\r\n4\n");
  EXPECT_EQ(done.error, "box: r: it is not running (`box start -a` starts it)\n"
                        "box: --detach-keys ctrl-,x: keys are wanted, as in ctrl-p,ctrl-q\n");
}

}  // namespace
}  // namespace cv6::test
