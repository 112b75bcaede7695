// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';
import { flag, section, text, whole } from '../section.ts';

export const keys = section('Where keys live.', {
  module: text({
    default: '/usr/lib/softhsm/libsofthsm2.so', description: 'PKCS#11 module; the default is SoftHSM, embedded.', example: '/usr/lib/pkcs11/vendor.so',
  }),
  tokenLabel: text({ default: 'strongroom', description: 'Label of the token that holds the keys.', example: 'strongroom' }),
  pinFile: Type.Optional(text({
    description: "File with the token's PIN; unset, one is made at first start under secrets/keys.", example: '/run/credentials/pin',
  })),
  keepRetiredLogKeys: flag(false, {
    description: "Whether the private half of a log key stays in the token after its rotation; it is destroyed otherwise.", example: false,
  }),
  counter: section('A hardware counter, which tells at a start that the whole home was put back.', {
    tpm: Type.Optional(text({
      pattern: '^/', description: 'TPM 2.0 that keeps the counter: its device, or the socket of an emulator. Unset, there is no counter.', example: '/dev/tpmrm0',
    })),
    index: text({
      default: '0x01805352', pattern: '^0x01[89aAbB][0-9a-fA-F]{5}$', description: 'NV index of the counter, which is made there; each Strongroom needs one of its own.', example: '0x01805352',
    }),
    intervalSeconds: whole(600, 60, 86_400, {
      description: 'The counter is stepped so often: a TPM takes some 100,000 writes or more. A home put back to less long ago shows only to witnesses.', unit: 's', example: 600,
    }),
  }),
});
