{
  lib,
  stdenv,
  buildPackages,
  sources,
}:

stdenv.mkDerivation {
  inherit (sources.bash) pname version src;
  nativeBuildInputs = [ buildPackages.gnumake ];
  depsBuildBuild = [ buildPackages.stdenv.cc ];

  configureFlags = [
    "--without-bash-malloc"
    "--disable-nls"
    "--enable-readline"
    # What configure finds out by running a program, and can't in a cross build.
    "bash_cv_job_control_missing=present"
    "bash_cv_sys_named_pipes=present"
    "bash_cv_func_sigsetjmp=present"
    "bash_cv_printf_a_format=yes"
    "bash_cv_getcwd_malloc=yes"
    "bash_cv_unusable_rtsigs=no"
    "bash_cv_wcwidth_broken=no"
    "bash_cv_func_strcoll_broken=no"
    "bash_cv_must_reinstall_sighandlers=no"
    "bash_cv_func_ctype_nonascii=yes"
    "bash_cv_dup2_broken=no"
    "bash_cv_pgrp_pipe=no"
    "bash_cv_opendir_not_robust=no"
    "bash_cv_ulimit_maxfds=yes"
    "bash_cv_getenv_redef=yes"
    "bash_cv_type_rlimit=rlim_t"
    "bash_cv_dev_fd=standard"
    "bash_cv_dev_stdin=present"
    "ac_cv_func_strtoimax=yes"
    "ac_cv_rl_version=8.2"
  ];
  CFLAGS = "-O2";
  # Old code, compiled as the C that it was written in.
  env.NIX_CFLAGS_COMPILE = "-std=gnu17 -Wno-deprecated-non-prototype -Wno-implicit-function-declaration";
  makeFlags = [ "bash" ];

  installPhase = ''
    runHook preInstall
    installFile 0755 bash "$out/bin/bash"
    ln -s bash "$out/bin/sh"
    runHook postInstall
  '';

  passthru.shellPath = "/bin/bash";
  meta = lib.packageMeta sources.bash {
    description = "GNU's shell";
    homepage = "https://www.gnu.org/software/bash/";
    cpe.vendor = "gnu";
    mainProgram = "bash";
  };
}
