{ lib }:
let
  toShell = lib.entries.toShell (entry: "/content/of${entry.path}");
  # The calls after the functions.
  callsIn =
    script:
    builtins.filter (
      line: builtins.isString line && builtins.match "nixgen[A-Z][a-z]+ .*" line != null
    ) (builtins.split "\n" script);
  calls = entries: callsIn (toShell entries);
in
{
  toShell = {
    "a file with its owner and mode" = {
      expr = calls [
        {
          path = "/etc/it's $x";
          type = "file";
          mode = "0640";
          uid = 7;
          gid = 8;
          text = "";
        }
      ];
      expected = [ "nixgenFile '/etc/it'\\''s $x' 0640 7:8 '/content/of/etc/it'\\''s $x'" ];
    };
    "a directory with a special mode" = {
      expr = calls [
        {
          path = "/tmp";
          type = "directory";
          mode = "1777";
          uid = 0;
          gid = 0;
        }
      ];
      expected = [ "nixgenDirectory /tmp 1777 0:0" ];
    };
    "a symlink, whose mode nobody can set" = {
      expr = calls [
        {
          path = "/etc/localtime";
          type = "symlink";
          mode = "0777";
          uid = 0;
          gid = 0;
          target = "/share/zone info";
        }
      ];
      expected = [ "nixgenSymlink /etc/localtime 0:0 '/share/zone info'" ];
    };
    "in the order given" = {
      expr = map (builtins.substring 0 20) (
        calls (
          map
            (path: {
              inherit path;
              type = "directory";
              mode = "0755";
              uid = 0;
              gid = 0;
            })
            [
              "/b"
              "/a"
            ]
        )
      );
      expected = [
        "nixgenDirectory /b 0"
        "nixgenDirectory /a 0"
      ];
    };
    "nothing but functions for no entries" = {
      expr = calls [ ];
      expected = [ ];
    };
  };
  followLinks = {
    "nothing for no links" = {
      expr = lib.entries.followLinks [ ];
      expected = "";
    };
    "each link with where it leads, quoted" = {
      expr = callsIn (
        lib.entries.followLinks [
          {
            path = "/bin";
            target = "/usr/bin";
          }
          {
            path = "/it's";
            target = "/a b";
          }
        ]
      );
      expected = [
        "nixgenFollow /bin /usr/bin"
        "nixgenFollow '/it'\\''s' '/a b'"
      ];
    };
  };
}
