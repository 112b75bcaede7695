// SPDX-License-Identifier: Apache-2.0
// The names of a deployment's logs: `<deployment>/log`, and `<deployment>/log-2` and so on where one was given up.

const NAME = /^\/log(?:-([1-9][0-9]{0,3}))?$/;

export function logName(deployment: string, number = 1): string {
  return number === 1 ? `${deployment}/log` : `${deployment}/log-${number}`;
}

/** Which of the deployment's logs this is, from 1; null: none of them. */
export function logNumber(origin: string, deployment: string): number | null {
  const match = origin.startsWith(`${deployment}/`) ? NAME.exec(origin.slice(deployment.length)) : null;
  const number = match === null ? null : Number(match[1] ?? 1);
  return number !== null && logName(deployment, number) === origin ? number : null;
}
