rockspec_format = "3.0"
package = "mod_xmppdns"
version = "1.0.0-1"
source = {
   url = "git+https://example.invalid/mod_xmppdns.git", tag = "v1.0.0"
}
description = {
   summary = "DNSSEC-validated server discovery for Prosody",
   detailed = "A C module over libunbound, a Lua library and a Prosody plugin that find XMPP servers through validated DNS.",
   license = "MIT",
   labels = { "xmpp", "prosody", "dns", "dnssec" }
}
supported_platforms = { "linux" }
dependencies = {
   "lua >= 5.1, < 5.5" -- and dkjson, for xmppdns-check --json alone
}
external_dependencies = {
   UNBOUND = { header = "unbound.h", library = "unbound" },
   IDN2 = { header = "idn2.h", library = "idn2" }
}
build = {
   type = "make", -- for the flags: hardened, one symbol exported, never unloaded
   variables = {
      PACKAGES = "no", BUILD = "build/rock$(LUA_INCDIR)", LUA = "lua", CFLAGS = "$(CFLAGS)", LUA_CFLAGS = "-I$(LUA_INCDIR)",
      CPPFLAGS = "-I$(UNBOUND_INCDIR) -I$(IDN2_INCDIR)", LDFLAGS = "-L$(UNBOUND_LIBDIR) -L$(IDN2_LIBDIR)"
   },
   install_variables = {
      LUA_LIBDIR = "$(LIBDIR)", LUA_SHAREDIR = "$(LUADIR)", BINDIR = "$(BINDIR)", MANDIR = "$(PREFIX)/man", BASHDIR = "$(PREFIX)/completions",
      PLUGIN_DIR = "$(LUADIR)/mod_xmppdns" -- where Prosody looks for it below a plugin path
   }
}
