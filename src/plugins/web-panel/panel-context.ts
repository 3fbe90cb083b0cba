import type { PluginContext, SurfaceContext } from '../../api/plugin.ts';

/** What the control page works with: a plugin's context and what only control surfaces get. */
export type PanelContext = PluginContext & SurfaceContext;
