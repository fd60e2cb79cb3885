rockspec_format = "3.0"
package = "mod_xmppdns"
version = "scm-1"
source = {
   url = "git+https://example.invalid/mod_xmppdns.git" -- build from a checkout: luarocks make
}
description = {
   summary = "DNSSEC-validated server discovery for Prosody",
   detailed = "A C module over libunbound, a Lua library and a Prosody plugin that find XMPP servers through validated DNS.",
   license = "MIT",
   labels = { "xmpp", "prosody", "dns", "dnssec" }
}
supported_platforms = { "linux" }
dependencies = {
   "lua >= 5.1, < 5.5",
   "dkjson >= 2.5" -- for xmppdns-check --json alone
}
external_dependencies = {
   UNBOUND = { header = "unbound.h", library = "unbound" },
   IDN2 = { header = "idn2.h", library = "idn2" }
}
build = {
   type = "builtin",
   modules = {
      ["xmppdns.core"] = {
         sources = {
            "mod_xmppdns/src/answer.c",
            "mod_xmppdns/src/cache.c",
            "mod_xmppdns/src/context.c",
            "mod_xmppdns/src/core.c",
            "mod_xmppdns/src/event_loop.c",
            "mod_xmppdns/src/generation.c",
            "mod_xmppdns/src/hash.c",
            "mod_xmppdns/src/heap.c",
            "mod_xmppdns/src/lua_answer.c",
            "mod_xmppdns/src/lua_name.c",
            "mod_xmppdns/src/lua_rdata.c",
            "mod_xmppdns/src/lua_resolver.c",
            "mod_xmppdns/src/lua_route.c",
            "mod_xmppdns/src/lua_settings.c",
            "mod_xmppdns/src/lua_srv.c",
            "mod_xmppdns/src/log.c",
            "mod_xmppdns/src/mailbox.c",
            "mod_xmppdns/src/name.c",
            "mod_xmppdns/src/packet.c",
            "mod_xmppdns/src/pending.c",
            "mod_xmppdns/src/query.c",
            "mod_xmppdns/src/rdata.c",
            "mod_xmppdns/src/resolver.c",
            "mod_xmppdns/src/route.c",
            "mod_xmppdns/src/settings.c",
            "mod_xmppdns/src/slots.c",
            "mod_xmppdns/src/srv.c",
            "mod_xmppdns/src/table.c",
            "mod_xmppdns/src/upstream.c"
         },
         defines = { "_GNU_SOURCE" },
         libraries = { "unbound", "idn2", "pthread" },
         incdirs = { "$(UNBOUND_INCDIR)", "$(IDN2_INCDIR)" },
         libdirs = { "$(UNBOUND_LIBDIR)", "$(IDN2_LIBDIR)" }
      },
      xmppdns = "lua/xmppdns.lua",
      ["xmppdns.adns"] = "lua/xmppdns/adns.lua",
      ["xmppdns.anchors"] = "lua/xmppdns/anchors.lua",
      ["xmppdns.check"] = "lua/xmppdns/check.lua",
      ["xmppdns.connector"] = "lua/xmppdns/connector.lua",
      ["xmppdns.dane"] = "lua/xmppdns/dane.lua",
      ["xmppdns.dial"] = "lua/xmppdns/dial.lua",
      ["xmppdns.document"] = "lua/xmppdns/document.lua",
      ["xmppdns.endpoint"] = "lua/xmppdns/endpoint.lua",
      ["xmppdns.health"] = "lua/xmppdns/health.lua",
      ["xmppdns.inspection"] = "lua/xmppdns/inspection.lua",
      ["xmppdns.keys"] = "lua/xmppdns/keys.lua",
      ["xmppdns.outcome"] = "lua/xmppdns/outcome.lua",
      ["xmppdns.pace"] = "lua/xmppdns/pace.lua",
      ["xmppdns.prosody.autotrust"] = "lua/xmppdns/prosody/autotrust.lua",
      ["xmppdns.prosody.checkup"] = "lua/xmppdns/prosody/checkup.lua",
      ["xmppdns.prosody.configuration"] = "lua/xmppdns/prosody/configuration.lua",
      ["xmppdns.prosody.failover"] = "lua/xmppdns/prosody/failover.lua",
      ["xmppdns.prosody.identity"] = "lua/xmppdns/prosody/identity.lua",
      ["xmppdns.prosody.inbound"] = "lua/xmppdns/prosody/inbound.lua",
      ["xmppdns.prosody.logging"] = "lua/xmppdns/prosody/logging.lua",
      ["xmppdns.prosody.match"] = "lua/xmppdns/prosody/match.lua",
      ["xmppdns.prosody.metrics"] = "lua/xmppdns/prosody/metrics.lua",
      ["xmppdns.prosody.outbound"] = "lua/xmppdns/prosody/outbound.lua",
      ["xmppdns.prosody.policy"] = "lua/xmppdns/prosody/policy.lua",
      ["xmppdns.prosody.shell"] = "lua/xmppdns/prosody/shell.lua",
      ["xmppdns.prosody.spelling"] = "lua/xmppdns/prosody/spelling.lua",
      ["xmppdns.race"] = "lua/xmppdns/race.lua",
      ["xmppdns.report"] = "lua/xmppdns/report.lua",
      ["xmppdns.resolver"] = "lua/xmppdns/resolver.lua",
      ["xmppdns.service"] = "lua/xmppdns/service.lua",
      ["xmppdns.tasks"] = "lua/xmppdns/tasks.lua",
      ["xmppdns.timers"] = "lua/xmppdns/timers.lua",
      ["xmppdns.turnstile"] = "lua/xmppdns/turnstile.lua",
      ["xmppdns.unreachable"] = "lua/xmppdns/unreachable.lua",
      ["mod_xmppdns.mod_xmppdns"] = "mod_xmppdns/mod_xmppdns.lua" -- where Prosody looks for it below a plugin path
   },
   install = {
      bin = { ["xmppdns-check"] = "mod_xmppdns/xmppdns-check" }
   }
}
