import { appendFile } from 'node:fs/promises';
import type { Container } from './codecs.ts';

/** IPTC's word for pictures made by a trained model: newscodes "digitalsourcetype". */
const DIGITAL_SOURCE_TYPE = 'http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia';
const COMMENT = `Synthetic media: an avatar animated by MuseCam. Digital source type: ${DIGITAL_SOURCE_TYPE}`;

/** The box that holds XMP in mp4 and mov files: XMP specification part 3, "MPEG-4". */
const XMP_UUID = Buffer.from('be7acfcb97a942e89c71999491e3afac', 'hex');

/** Whether a container has room for XMP at its end; Matroska and WebM, which is one, have tags instead. */
export function takesXmp(container: Container): boolean {
  return container === 'mp4' || container === 'mov';
}

/** ffmpeg's arguments that mark a file as synthetic in words; Matroska and WebM also get a tag of its own. */
export function metadataArguments(container: Container): string[] {
  const tag = takesXmp(container) ? [] : ['-metadata', `DIGITAL_SOURCE_TYPE=${DIGITAL_SOURCE_TYPE}`];
  return ['-metadata', `comment=${COMMENT}`, ...tag];
}

/** Adds the mark for machines to a finished mp4 or mov file: an XMP packet in a box at its end, which players skip. */
export async function appendSyntheticMark(path: string): Promise<void> {
  const packet = Buffer.from(
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>' +
      '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">' +
      '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"' +
      ` Iptc4xmpExt:DigitalSourceType="${DIGITAL_SOURCE_TYPE}"/></rdf:RDF></x:xmpmeta><?xpacket end="r"?>`,
  );
  const header = Buffer.alloc(8);
  header.writeUInt32BE(8 + XMP_UUID.length + packet.length, 0);
  header.write('uuid', 4, 'latin1');
  await appendFile(path, Buffer.concat([header, XMP_UUID, packet]));
}
