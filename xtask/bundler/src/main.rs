//! One program under three names, as `xtask setup` installs it: `wasm-bindgen` makes the JavaScript glue, `wasm-split` cuts the
//! app into files that load on demand, `wasm-bindgen-test-runner` runs tests in a browser. Knows nothing of the app.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:?}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[OsString]) -> Result<()> {
    let name = arguments.first().map(Path::new).and_then(Path::file_stem);
    match name.and_then(|name| name.to_str()) {
        Some("wasm-bindgen") => bindgen(arguments),
        Some("wasm-split") => split(arguments),
        #[cfg(feature = "test-runner")]
        Some("wasm-bindgen-test-runner") => {
            wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(arguments)
        }
        _ => bail!("call this program as wasm-bindgen, wasm-split or wasm-bindgen-test-runner"),
    }
}

/// `wasm-bindgen [OPTION..] INPUT`, with the options that the build and trunk use.
fn bindgen(arguments: &[OsString]) -> Result<()> {
    use lexopt::prelude::*;
    let mut bindgen = wasm_bindgen_cli_support::Bindgen::new();
    let (mut input, mut out_dir) = (None, None);
    let mut options = lexopt::Parser::from_args(arguments.iter().skip(1));
    while let Some(option) = options.next()? {
        match option {
            Long("version") => {
                println!("wasm-bindgen {}", wasm_bindgen_shared::version());
                return Ok(());
            }
            Long("target") => match options.value()?.string()?.as_str() {
                "web" => drop(bindgen.web(true)?),
                other => bail!("there is no target {other} here, only web"),
            },
            Long("out-dir") => out_dir = Some(options.value()?),
            Long("out-name") => drop(bindgen.out_name(&options.value()?.string()?)),
            Long("no-typescript") => drop(bindgen.typescript(false)),
            Long("no-demangle") => drop(bindgen.demangle(false)),
            Long("keep-lld-exports") => drop(bindgen.keep_lld_exports(true)),
            Long("remove-name-section") => drop(bindgen.remove_name_section(true)),
            Long("remove-producers-section") => drop(bindgen.remove_producers_section(true)),
            Long("debug") => drop(bindgen.debug(true)),
            Long("keep-debug") => drop(bindgen.keep_debug(true)),
            Value(path) => input = Some(path),
            other => return Err(other.unexpected().into()),
        }
    }
    bindgen
        .input_path(input.context("no input file")?)
        .generate(out_dir.context("--out-dir is missing")?)
}

/// `wasm-split INPUT OUT_DIR NAME`: the first file is `OUT_DIR/NAME.wasm`, still to be passed to `wasm-bindgen`.
fn split(arguments: &[OsString]) -> Result<()> {
    let [_, input, output, name] = arguments else {
        bail!("usage: wasm-split INPUT OUT_DIR NAME");
    };
    let (output, name) = (Path::new(output), name.to_string_lossy());
    let wasm = std::fs::read(input).with_context(|| format!("reading {}", input.display()))?;
    let main = output.join(format!("{name}.wasm"));
    let glue = format!("./{name}.js");
    let mut options = wasm_split_cli_support::Options::new(&wasm);
    options.output_dir = output;
    options.main_out_path = &main;
    options.main_module = &glue;
    wasm_split_cli_support::transform(options)
        .map(drop)
        .map_err(|error| anyhow!("{error:?}"))
}
