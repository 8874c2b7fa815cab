/** deb(5): the outer archive of a .deb. */
export const arMagic = "!<arch>\n";
export const arHeaderSize = 60;

export interface ArMember {
  readonly name: string;
  readonly size: number;
}

/** One 60-byte member header: name, modification time, owner, group, mode, size, "`\n". */
export function arMember(header: Uint8Array): ArMember | undefined {
  if (header.length !== arHeaderSize || header[58] !== 0x60 || header[59] !== 0x0a) return undefined;
  const text = String.fromCharCode(...header);
  const size = /^([0-9]{1,10}) *$/.exec(text.slice(48, 58))?.[1];
  // dpkg-deb writes plain names, other tools (GNU ar) end them with a slash; both are one name.
  const name = /^([A-Za-z0-9_.+-]{1,16})\/? *$/.exec(text.slice(0, 16))?.[1];
  return size === undefined || name === undefined ? undefined : { name, size: Number(size) };
}
