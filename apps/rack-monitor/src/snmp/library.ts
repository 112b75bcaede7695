// SPDX-License-Identifier: Apache-2.0
// The one place where net-snmp is imported.
import snmp from 'net-snmp';

export default snmp;
