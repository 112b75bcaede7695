// SPDX-License-Identifier: Apache-2.0
import { explore, type Bounds, type Explored } from './explore.ts';
import { SCENES } from './scenes.ts';
import { serve, type Task } from './threads.ts';

const task: Task<Explored, Bounds> = (scene, bounds) => explore(SCENES[scene]!, bounds);

await serve(task);
