/**
 * Endings under which nobody keeps a program. Reading the first bytes of every file of a cold disk costs a minute and more,
 * so a usual pass leaves files with these endings alone while they lack the execute permission. Whatever their name, files
 * are judged as soon as something runs or maps them, and `provost scan --deep` looks into every one.
 */
const endings = new Set(
  (
    "py pyc pyo pyi pyx pxd h hh hpp hxx c cc cpp cxx rs go java js mjs cjs ts mts cts tsx jsx map vue rb pl pm t tcl lua el erl hrl ex exs " +
    "html htm xhtml css scss sass less json jsonl json5 yaml yml toml ini cfg conf xml xsd xsl dtd rst md markdown txt text csv tsv po mo pot " +
    "pdf ps tex svg png jpg jpeg gif webp ico bmp tif tiff ttf otf woff woff2 eot afm pfb mp3 ogg wav flac mp4 webm avi " +
    "gz xz bz2 zst lz4 zip tar tgz whl egg jar deb rpm gem crate tbl dat db sqlite sqlite3 idx pack rev log lock sum mod list md5sums " +
    "patch diff orig rej in am ac m4 mk cmake proto thrift graphql sql gitignore npmignore editorconfig license rlib rmeta d stamp pem crt key asc gpg sig"
  ).split(" "),
);

export function isDataName(name: string): boolean {
  const dot = name.lastIndexOf(".");
  return dot >= 0 && endings.has(name.slice(dot + 1).toLowerCase());
}
