{ lib }:
let
  inherit (lib.attrs)
    filter
    getPath
    hasPath
    joinPath
    last
    splitPath
    ;
  set = {
    a.b.c = 1;
    broken = throw "must not be looked at";
    none = null;
  };
in
{
  splitPath = {
    "one name" = {
      expr = splitPath "curl";
      expected = [ "curl" ];
    };
    "several names" = {
      expr = splitPath "a.b-c.d_1";
      expected = [
        "a"
        "b-c"
        "d_1"
      ];
    };
  };
  filter = {
    "by names and values" = {
      expr = filter (name: value: name == "a" || value == 2) {
        a = 1;
        b = 2;
        c = 3;
      };
      expected = {
        a = 1;
        b = 2;
      };
    };
  };
  last = {
    "of a path" = {
      expr = last [
        "a"
        "b"
      ];
      expected = "b";
    };
  };
  joinPath = {
    "is the inverse of splitPath" = {
      expr = joinPath (splitPath "a.b.c");
      expected = "a.b.c";
    };
  };
  hasPath = {
    "a path that is there" = {
      expr = hasPath [
        "a"
        "b"
        "c"
      ] set;
      expected = true;
    };
    "nothing below a value that is no set" = {
      expr = hasPath [
        "a"
        "b"
        "c"
        "d"
      ] set;
      expected = false;
    };
    "nothing below null" = {
      expr = hasPath [
        "none"
        "x"
      ] set;
      expected = false;
    };
    "the value itself is not evaluated" = {
      expr = hasPath [ "broken" ] set;
      expected = true;
    };
    "the empty path" = {
      expr = hasPath [ ] set;
      expected = true;
    };
  };
  getPath = {
    "the value at a path" = {
      expr = getPath [
        "a"
        "b"
      ] set;
      expected = {
        c = 1;
      };
    };
    "the empty path is the set" = {
      expr = getPath [ ] 7;
      expected = 7;
    };
  };
}
