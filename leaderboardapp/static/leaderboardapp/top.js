// The link to the dashboard, for who has its token in this tab.

import { mayManage } from "./token.js";

const link = document.getElementById("to-dashboard");
if (mayManage(link.dataset.board)) link.hidden = false;
